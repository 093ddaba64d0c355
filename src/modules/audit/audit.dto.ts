import { IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { IsInstant } from '../../platform/http/instant.decorator.js';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';

export class ListAuditLogsQuery extends PageQuery {
  /** The user who did it, also by one of their API keys or jobs. */
  @IsOptional()
  @IsUUID('all')
  actorId?: string;

  /** @example member.updated */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;

  /** @example member */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  resourceType?: string;

  @IsOptional()
  @IsUUID('all')
  resourceId?: string;

  /** The earliest; ISO 8601, a day begins at midnight UTC. */
  @IsOptional()
  @IsInstant()
  from?: string;

  /** Up to here, not included; ISO 8601, a day begins at midnight UTC. */
  @IsOptional()
  @IsInstant()
  to?: string;
}

export class AuditLogDto {
  id: string;
  /** ISO 8601, UTC. */
  at: string;
  /** The user behind it; null for the system itself. */
  actorId: string | null;
  actorType: 'user' | 'apiKey' | 'job' | 'system';
  /** @example member.updated */
  action: string;
  /** @example member */
  resourceType: string;
  resourceId: string | null;
  ip: string | null;
  /** That of the request; it stands in the log lines and jobs of the same request, too. */
  correlationId: string;
  /** What was set, secrets left out. */
  changes: Record<string, unknown> | null;
}

export class AuditLogPage extends pageOf(AuditLogDto) {}
