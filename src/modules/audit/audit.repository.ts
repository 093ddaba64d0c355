import { Injectable } from '@nestjs/common';
import { Db } from '../../platform/database/db.js';
import { TenantTable } from '../../platform/database/tenant-table.js';
import { EventEntity } from './event.entity.js';

export interface AuditFilter {
  actorId?: string;
  action?: string;
  resourceType?: string;
  resourceId?: string;
  from: Date | null;
  to: Date | null;
  /** Only records older than this one. */
  before: string | null;
  limit: number;
}

const EQUAL = ['actorId', 'action', 'resourceType', 'resourceId'] as const;

@Injectable()
export class AuditRepository {
  private readonly events: TenantTable<EventEntity>;

  constructor(db: Db) {
    this.events = new TenantTable(db, EventEntity);
  }

  async list(filter: AuditFilter): Promise<EventEntity[]> {
    return this.events.select('e', (query) => {
      query.orderBy('e.id', 'DESC').limit(filter.limit);
      for (const field of EQUAL) {
        if (filter[field] !== undefined) query.andWhere(`e.${field} = :${field}`, { [field]: filter[field] });
      }
      if (filter.from) query.andWhere('e.at >= :from', { from: filter.from });
      if (filter.to) query.andWhere('e.at < :to', { to: filter.to });
      if (filter.before) query.andWhere('e.id < :before', { before: filter.before });
      return query.getMany();
    });
  }
}
