import { IsOptional, IsUUID } from 'class-validator';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';
import type { PermissionGrant } from './permission.js';

export class ListPermissionGrantsQuery extends PageQuery {
  /** What holds in this session and in those that agents begin for it. */
  @IsOptional()
  @IsUUID('all')
  sessionId?: string;

  /** What holds for this agent. */
  @IsOptional()
  @IsUUID('all')
  agentId?: string;
}

export class PermissionGrantDto {
  id: string;
  /** Null: it is an agent's. */
  sessionId: string | null;
  /** Null: it is a session's. */
  agentId: string | null;
  /** `server:tool`; with any input. */
  tool: string;
  grantedBy: string;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class PermissionGrantPage extends pageOf(PermissionGrantDto) {}

export function shownGrant({
  id,
  sessionId,
  agentId,
  tool,
  grantedBy,
  createdAt,
}: PermissionGrant): PermissionGrantDto {
  return { id, sessionId, agentId, tool, grantedBy, createdAt: createdAt.toISOString() };
}
