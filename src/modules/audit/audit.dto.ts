import { IsISO8601, IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';

/** A day or a time with its zone. The strict ISO 8601 of class-validator lets more through than `Date` can read. */
const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
const MESSAGE = '$property must be a day or a time like 2030-12-31T23:59:59Z';

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
  @IsISO8601({ strict: true })
  @Matches(INSTANT, { message: MESSAGE })
  from?: string;

  /** Up to here, not included; ISO 8601, a day begins at midnight UTC. */
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(INSTANT, { message: MESSAGE })
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
