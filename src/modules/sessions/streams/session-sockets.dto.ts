import { IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { ToolResultDto } from '../client-tools/client-tools.dto.js';
import { DecidePermissionDto } from '../permissions/permissions.dto.js';
import { SendMessageDto } from '../messages/messages.dto.js';

export class JoinSessionDto {
  @IsUUID('all')
  sessionId: string;

  /** Replay this run first. */
  @IsOptional()
  @IsUUID('all')
  runId?: string;

  /** With `runId`: the `seq` of the last event that is known already. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  afterSeq?: number;
}

export class LeaveSessionDto {
  @IsUUID('all')
  sessionId: string;
}

export class SocketMessageDto extends SendMessageDto {
  @IsUUID('all')
  sessionId: string;
}

export class SocketDecisionDto extends DecidePermissionDto {
  @IsUUID('all')
  permissionId: string;
}

export class SocketToolResultDto extends ToolResultDto {
  @IsUUID('all')
  runId: string;
}

export class CancelRunDto {
  @IsUUID('all')
  runId: string;
}
