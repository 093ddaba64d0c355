import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';
import type { PermissionRequest, PermissionStatus } from './permission.js';

export const PERMISSION_COLUMNS = `p.id, p.session_id, p.root_session_id, p.run_id, p.tool_call_id, p.tool_use_id, p.tool, p.input,
  p.connect_server_id, p.status, p.decided_by, p.reason, p.expires_at, p.created_at`;

interface PermissionFilter {
  status?: PermissionStatus;
  sessionId?: string;
  before: string | null;
  limit: number;
}

@Injectable()
export class PermissionsRepository {
  constructor(private readonly db: Db) {}

  async add(permission: PermissionRequest): Promise<void> {
    await this.db.sql(
      `INSERT INTO permissions (tenant_id, id, session_id, root_session_id, run_id, tool_call_id, tool_use_id, tool, input,
         connect_server_id, status, expires_at, created_at)
       VALUES (:tenantId, :id, :sessionId, :rootSessionId, :runId, :toolCallId, :toolUseId, :tool, :input,
         :connectServerId, :status, :expiresAt, :createdAt)`,
      { ...permission, input: JSON.stringify(permission.input) },
    );
  }

  /** One whose session the caller may see. */
  async findVisible(id: string): Promise<PermissionRequest | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${PERMISSION_COLUMNS} FROM permissions p
       JOIN sessions s ON s.tenant_id = p.tenant_id AND s.id = p.session_id
       WHERE p.tenant_id = :tenantId AND p.id = :id AND ${VISIBLE_SESSION}`,
      { id, ...visibilityParameters() },
    );
    return rows[0] ? camelRow<PermissionRequest>(rows[0]) : null;
  }

  async list({ status, sessionId, before, limit }: PermissionFilter): Promise<PermissionRequest[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${PERMISSION_COLUMNS} FROM permissions p
       JOIN sessions s ON s.tenant_id = p.tenant_id AND s.id = p.session_id
       WHERE p.tenant_id = :tenantId AND ${VISIBLE_SESSION}
         AND (:status::text IS NULL OR p.status = :status)
         AND (:sessionId::uuid IS NULL OR p.session_id = :sessionId OR p.root_session_id = :sessionId)
         AND (:before::uuid IS NULL OR p.id < :before::uuid)
       ORDER BY p.id DESC LIMIT :limit`,
      { status: status ?? null, sessionId: sessionId ?? null, before, limit, ...visibilityParameters() },
    );
    return rows.map((row) => camelRow<PermissionRequest>(row));
  }

  /** What somebody is asked for so that this run, or one that it waits for, can go on; the first asked first. */
  async pendingOf(run: { id: string; sessionId: string }): Promise<PermissionRequest[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${PERMISSION_COLUMNS} FROM permissions p
       WHERE p.tenant_id = :tenantId AND p.status = 'pending' AND (p.run_id = :id OR p.root_session_id = :sessionId)
       ORDER BY p.id`,
      { id: run.id, sessionId: run.sessionId },
    );
    return rows.map((row) => camelRow<PermissionRequest>(row));
  }

  async ofCalls(callIds: readonly string[]): Promise<PermissionRequest[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${PERMISSION_COLUMNS} FROM permissions p
       WHERE p.tenant_id = :tenantId AND p.tool_call_id = ANY (:callIds::uuid[]) ORDER BY p.id`,
      { callIds },
    );
    return rows.map((row) => camelRow<PermissionRequest>(row));
  }

  /** Null when it is not pending any more. */
  async settle(
    toolCallId: string,
    to: { status: Exclude<PermissionStatus, 'pending'>; decidedBy: string | null; reason: string | null },
  ): Promise<PermissionRequest | null> {
    const rows = await this.db.sql<object>(
      `UPDATE permissions p SET status = :status, decided_by = :decidedBy, reason = :reason, decided_at = now()
       WHERE p.tenant_id = :tenantId AND p.tool_call_id = :toolCallId AND p.status = 'pending'
       RETURNING ${PERMISSION_COLUMNS}`,
      { toolCallId, ...to },
    );
    return rows[0] ? camelRow<PermissionRequest>(rows[0]) : null;
  }

  /** From now on nobody is asked about the tool there. */
  async grant(to: { sessionId: string } | { agentId: string }, tool: string, grantedBy: string): Promise<void> {
    await this.db.sql(
      `INSERT INTO permission_grants (tenant_id, id, session_id, agent_id, tool, granted_by)
       VALUES (:tenantId, :id, :sessionId, :agentId, :tool, :grantedBy)
       ON CONFLICT DO NOTHING`,
      { id: v7(), sessionId: null, agentId: null, ...to, tool, grantedBy },
    );
  }

  /** Who has said that the tool may be used in the session or by the agent; null: nobody. */
  async grantedBy(rootSessionId: string, agentId: string | null, tool: string): Promise<string | null> {
    const [row] = await this.db.sql<{ grantedBy: string }>(
      `SELECT granted_by AS "grantedBy" FROM permission_grants
       WHERE tenant_id = :tenantId AND tool = :tool AND (session_id = :rootSessionId OR agent_id = :agentId::uuid)
       LIMIT 1`,
      { rootSessionId, agentId, tool },
    );
    return row?.grantedBy ?? null;
  }
}
