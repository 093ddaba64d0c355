import { ApiProperty } from '@nestjs/swagger';
import { IsNotEmpty, IsObject, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';

export class ListExecutionsQuery extends PageQuery {
  /** A server's id, or the name of a built-in. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(64)
  serverId?: string;

  /** `server:tool`. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(300)
  tool?: string;

  @IsOptional()
  @IsUUID('all')
  sessionId?: string;

  @IsOptional()
  @IsUUID('all')
  runId?: string;
}

export class ExecuteToolDto {
  /** A server's id, or the name of a built-in. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(64)
  serverId: string;

  /** Its bare name. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(256)
  tool: string;

  @IsObject()
  arguments: Record<string, unknown>;

  /** For tools that work in a session's directory. */
  @IsOptional()
  @IsUUID('all')
  sessionId?: string;
}

export class ExecutedToolDto {
  executionId: string;
  isError: boolean;
  /** Content blocks as MCP has them; of more than 1 MiB the beginning, as text. */
  content: Record<string, unknown>[];
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  structuredContent: Record<string, unknown> | null;
  /** The output goes on; the whole is at `outputUrl`. */
  truncated?: boolean;
  outputUrl?: string;
  durationMs: number;
}

export class ExecutionDto {
  id: string;
  /** The server's id, or the name of one that has none. */
  serverId: string;
  /** `server:tool`. */
  tool: string;
  arguments: Record<string, unknown>;
  isError: boolean;
  /** In lists of more than 64 KiB the beginning, else of more than 1 MiB. */
  output: string | null;
  /** The output goes on; the whole is at `outputUrl`. */
  truncated?: boolean;
  outputUrl?: string;
  decision: 'allow' | 'deny';
  /** The id of the user who was asked, or what decided: `policy`, `hook`, `expiry`. */
  decidedBy: string;
  sessionId: string | null;
  runId: string | null;
  durationMs: number;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class ExecutionPage extends pageOf(ExecutionDto) {}
