import { Injectable } from '@nestjs/common';
import { camelRow } from '../../platform/database/camel-row.js';
import { Db } from '../../platform/database/db.js';
import { sortOf, type ListedSession, type SessionsAfter } from './session-order.js';
import type { ListSessionsQuery } from './sessions.dto.js';
import { SESSION_COLUMNS } from './sessions.repository.js';
import { seesEverySession, visibilityParameters } from './visibility.js';

/** See atrium_search_sessions: here it is joined to those sessions that the caller may see. */
const FOUND = `JOIN (SELECT session_id, rank FROM atrium_search_sessions(:search, :searchedAt::timestamptz)) found
  ON found.session_id = s.id`;

/** Ids are UUIDv7: their order is that of creation. */
const ORDERS = {
  createdAt: { by: 's.id DESC', after: 's.id < :id::uuid' },
  lastActivityAt: {
    by: 's.last_activity_at DESC, s.id DESC',
    after: '(s.last_activity_at, s.id) < (:at::timestamptz, :id::uuid)',
  },
  rank: { by: 'found.rank DESC, s.id DESC', after: '(found.rank, s.id) < (:rank::real, :id::uuid)' },
} as const;

@Injectable()
export class SessionListRepository {
  constructor(private readonly db: Db) {}

  /** Those the caller may see, one more than asked for. Each combination of filters is a statement with its own plan. */
  async list(filter: ListSessionsQuery, after: SessionsAfter | null): Promise<ListedSession[]> {
    const { search, createdAfter, createdBefore, limit } = filter;
    const order = ORDERS[sortOf(filter)];
    const filters = [
      filter.status && 's.status = :status',
      filter.agentId && 's.agent_id = :agentId',
      filter.pattern && 's.pattern = :pattern',
      filter.createdBy && 's.created_by = :createdBy',
      createdAfter && 's.created_at >= :from',
      createdBefore && 's.created_at < :to',
    ].filter(Boolean);
    const conditions = [
      's.tenant_id = :tenantId AND s.deleted_at IS NULL',
      !seesEverySession() && `(s.visibility = 'tenant' OR s.created_by = :me::uuid)`,
      after && order.after,
      ...filters,
    ];
    const rows = await this.db.sql<object>(
      `SELECT ${SESSION_COLUMNS}${search === undefined ? '' : ', found.rank::text AS rank'}
       FROM sessions s ${search === undefined ? '' : FOUND}
       WHERE ${conditions.filter(Boolean).join(' AND ')}
       ORDER BY ${order.by} LIMIT :most`,
      {
        ...filter,
        ...(createdAfter ? { from: new Date(createdAfter) } : {}),
        ...(createdBefore ? { to: new Date(createdBefore) } : {}),
        ...{ searchedAt: null, ...after, ...visibilityParameters(), most: limit + 1 },
      },
      { varies: filters.length > 0 },
    );
    return rows.map((row) => ({ ...camelRow<ListedSession>(row), rank: (row as { rank?: string }).rank ?? null }));
  }
}
