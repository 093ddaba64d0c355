import { Injectable } from '@nestjs/common';
import { Cursors } from '../../platform/http/pagination.js';
import type { AuditLogDto, AuditLogPage, ListAuditLogsQuery } from './audit.dto.js';
import { AuditRepository } from './audit.repository.js';
import type { EventEntity } from './event.entity.js';

@Injectable()
export class AuditService {
  constructor(
    private readonly records: AuditRepository,
    private readonly cursors: Cursors,
  ) {}

  async list({ from, to, ...query }: ListAuditLogsQuery): Promise<AuditLogPage> {
    const rows = await this.records.list({
      ...query,
      from: from === undefined ? null : new Date(from),
      to: to === undefined ? null : new Date(to),
      before: this.cursors.id(query.cursor),
      limit: query.limit + 1,
    });
    return this.cursors.page(rows, query.limit, shown);
  }
}

function shown({ tenantId: _tenantId, at, ...record }: EventEntity): AuditLogDto {
  return { ...record, at: at.toISOString() };
}
