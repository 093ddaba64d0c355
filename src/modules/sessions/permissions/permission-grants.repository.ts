import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';
import type { PermissionGrant } from './permission.js';

/** Those of agents are for all, those of sessions for whom may see the session. */
const VISIBLE_GRANTS = `
  SELECT g.id, g.session_id, g.agent_id, g.tool, g.granted_by, g.created_at FROM permission_grants g
  LEFT JOIN sessions s ON s.tenant_id = g.tenant_id AND s.id = g.session_id
  WHERE g.tenant_id = :tenantId AND (g.agent_id IS NOT NULL OR ${VISIBLE_SESSION})`;

interface GrantFilter {
  sessionId?: string | undefined;
  agentId?: string | undefined;
  before: string | null;
  limit: number;
}

@Injectable()
export class PermissionGrantsRepository {
  constructor(private readonly db: Db) {}

  async findVisible(id: string): Promise<PermissionGrant | null> {
    const parameters = { id, ...visibilityParameters() };
    const rows = await this.db.sql<object>(`${VISIBLE_GRANTS} AND g.id = :id`, parameters);
    return rows[0] ? camelRow<PermissionGrant>(rows[0]) : null;
  }

  /** Newest first, older than `before`. */
  async list({ sessionId, agentId, before, limit }: GrantFilter): Promise<PermissionGrant[]> {
    const rows = await this.db.sql<object>(
      `${VISIBLE_GRANTS}
         AND (:sessionId::uuid IS NULL OR g.session_id = :sessionId)
         AND (:agentId::uuid IS NULL OR g.agent_id = :agentId)
         AND (:before::uuid IS NULL OR g.id < :before::uuid)
       ORDER BY g.id DESC LIMIT :limit`,
      { sessionId: sessionId ?? null, agentId: agentId ?? null, before, limit, ...visibilityParameters() },
    );
    return rows.map((row) => camelRow<PermissionGrant>(row));
  }

  /** False where another was first. */
  async remove(id: string): Promise<boolean> {
    const removed = await this.db.sql<object>(
      'DELETE FROM permission_grants WHERE tenant_id = :tenantId AND id = :id RETURNING id',
      { id },
    );
    return removed.length > 0;
  }
}
