import { IsIn, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';
import { connectPath } from '../../mcp/oauth/oauth.dto.js';
import { PERMISSION_STATUSES, type PermissionRequest, type PermissionStatus, type Remember } from './permission.js';

export class ListPermissionsQuery extends PageQuery {
  @IsOptional()
  @IsIn(PERMISSION_STATUSES)
  status?: PermissionStatus;

  /** Of this session, and of those that agents began for it. */
  @IsOptional()
  @IsUUID('all')
  sessionId?: string;
}

export class DecidePermissionDto {
  @IsIn(['allow', 'deny'])
  decision: 'allow' | 'deny';

  /** `session`, `agent`: the tool is allowed there from now on, with any input; `agent` needs `agents:update`. */
  @IsOptional()
  @IsIn(['once', 'session', 'agent'])
  remember?: Remember;

  /** Told to the model where it is denied. */
  @IsOptional()
  @IsString()
  @MaxLength(2_000)
  reason?: string;
}

export class ConnectDto {
  serverId: string;
  /** `POST` it to be given the address at which the account is connected. */
  startUrl: string;
}

export class PermissionDto {
  id: string;
  sessionId: string;
  /** Where a person began what came to this; another than `sessionId` where an agent asked an agent. */
  rootSessionId: string;
  runId: string;
  toolUseId: string;
  /** `server:tool`. */
  tool: string;
  input: Record<string, unknown>;
  status: PermissionStatus;
  decidedBy: string | null;
  reason: string | null;
  /** Present where what is missing is an account with the tool's server. */
  connect?: ConnectDto;
  /** ISO 8601, UTC; null: it is waited for as long as it takes. */
  expiresAt: string | null;
  createdAt: string;
}

export class PermissionPage extends pageOf(PermissionDto) {}

export function shownPermission(permission: PermissionRequest): PermissionDto {
  const { id, sessionId, rootSessionId, runId, toolUseId, tool, input, status, decidedBy, reason } = permission;
  const serverId = permission.connectServerId;
  const connect = serverId ? { connect: { serverId, startUrl: connectPath(serverId) } } : {};
  return {
    ...{ id, sessionId, rootSessionId, runId, toolUseId, tool, input, status, decidedBy, reason, ...connect },
    expiresAt: permission.expiresAt?.toISOString() ?? null,
    createdAt: permission.createdAt.toISOString(),
  };
}
