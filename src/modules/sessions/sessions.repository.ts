import { Injectable } from '@nestjs/common';
import { camelRow } from '../../platform/database/camel-row.js';
import { Db } from '../../platform/database/db.js';
import { TenantTable } from '../../platform/database/tenant-table.js';
import { SessionEntity, type SessionStatus } from './session.entity.js';
import type { UsageColumns } from './usage.js';
import { visibilityParameters, VISIBLE_SESSION } from './visibility.js';

/** What a session is; what is made of it, for searches, is left out. */
export const SESSION_COLUMNS = `tenant_id, id, agent_id, created_by, title, pattern, visibility, status, model, system_prompt, tools,
  permission_policy, context, client_tools, metadata, forked_from_session_id, forked_from_message_id,
  root_session_id, parent_run_id, message_count,
  last_position, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_micros, usage_estimated,
  last_activity_at, deleted_at, created_at, updated_at`;

const FIND_VISIBLE = `SELECT ${SESSION_COLUMNS} FROM sessions s WHERE tenant_id = :tenantId AND id = :id AND ${VISIBLE_SESSION}`;

/** What a PATCH may change. */
export type SessionChanges = Partial<
  Pick<
    SessionEntity,
    | 'title'
    | 'visibility'
    | 'model'
    | 'systemPrompt'
    | 'tools'
    | 'permissionPolicy'
    | 'context'
    | 'metadata'
    | 'updatedAt'
  >
>;

/** A session after one of its runs has ended. */
export type SettledSession = SessionEntity & {
  /** Other runs have not ended. */
  hasOpen: boolean;
  /** Something was said after the message that the run has answered. */
  hasLater: boolean;
};

@Injectable()
export class SessionsRepository {
  private readonly sessions: TenantTable<SessionEntity>;

  constructor(private readonly db: Db) {
    this.sessions = new TenantTable(db, SessionEntity);
  }

  async add(sessions: Omit<SessionEntity, 'tenantId'>[]): Promise<void> {
    await this.sessions.insert(sessions);
  }

  async findVisible(id: string): Promise<SessionEntity | null> {
    return this.visible(FIND_VISIBLE, id);
  }

  /** Locked until the transaction ends: what happens to one session happens in turn. */
  async findVisibleForUpdate(id: string): Promise<SessionEntity | null> {
    return this.visible(`${FIND_VISIBLE} FOR NO KEY UPDATE`, id);
  }

  /** Written out, since it is asked at nearly every request. */
  private async visible(text: string, id: string): Promise<SessionEntity | null> {
    const [row] = await this.db.sql<object>(text, { id, ...visibilityParameters() });
    return row ? camelRow<SessionEntity>(row) : null;
  }

  async change(id: string, changes: SessionChanges): Promise<void> {
    await this.sessions.update(changes as object, 'id = :id', { id });
  }

  /** With those that agents began for them. Returns all that are gone with this. */
  async markDeleted(ids: readonly string[]): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `UPDATE sessions SET deleted_at = now()
       WHERE tenant_id = :tenantId AND (id = ANY (:ids::uuid[]) OR root_session_id = ANY (:ids::uuid[]))
         AND deleted_at IS NULL RETURNING id`,
      { ids },
    );
    return rows.map(({ id }) => id);
  }

  /** Whoever may see it. */
  async find(id: string): Promise<SessionEntity | null> {
    const [row] = await this.db.sql<object>(
      `SELECT ${SESSION_COLUMNS} FROM sessions WHERE tenant_id = :tenantId AND id = :id AND deleted_at IS NULL`,
      { id },
    );
    return row ? camelRow<SessionEntity>(row) : null;
  }

  /** Those that agents began for it: they are seen by whoever sees it. */
  async setVisibilityBelow(id: string, visibility: SessionEntity['visibility']): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `UPDATE sessions SET visibility = :visibility, updated_at = now()
       WHERE tenant_id = :tenantId AND root_session_id = :id AND deleted_at IS NULL RETURNING id`,
      { id, visibility },
    );
    return rows.map((row) => row.id);
  }

  /** The state of the application around a run's session, as it is now. */
  async contextOfRun(runId: string): Promise<Record<string, unknown>> {
    const [row] = await this.db.sql<{ context: Record<string, unknown> }>(
      `SELECT s.context FROM runs r JOIN sessions s ON s.tenant_id = r.tenant_id AND s.id = r.session_id
       WHERE r.tenant_id = :tenantId AND r.id = :runId`,
      { runId },
    );
    return row?.context ?? {};
  }

  async setContext(id: string, context: Record<string, unknown>): Promise<void> {
    await this.sessions.update({ context: context as object }, 'id = :id', { id });
  }

  /** Counts a new message in: the session, which is locked, as that leaves it. */
  async countMessage(session: SessionEntity): Promise<void> {
    await this.db.sql(
      `UPDATE sessions SET status = :status, message_count = :messageCount, last_position = :lastPosition,
         last_activity_at = :lastActivityAt, updated_at = :updatedAt
       WHERE tenant_id = :tenantId AND id = :id`,
      { ...session },
    );
  }

  /** For a message that nobody sent and no run answers with: counts it in. */
  async makeRoom(id: string): Promise<void> {
    await this.db.sql(
      `UPDATE sessions SET message_count = message_count + 1, last_position = last_position + 1, updated_at = now()
       WHERE tenant_id = :tenantId AND id = :id`,
      { id },
    );
  }

  async setStatus(id: string, status: SessionStatus): Promise<SessionEntity> {
    const rows = await this.db.sql<object>(
      `UPDATE sessions SET status = :status, updated_at = now() WHERE tenant_id = :tenantId AND id = :id RETURNING ${SESSION_COLUMNS}`,
      { id, status },
    );
    return onlySession(rows);
  }

  /** Undefined where it is not in `from`: a person has put it elsewhere. */
  async moveStatus(id: string, from: SessionStatus, to: SessionStatus): Promise<SessionEntity | undefined> {
    const rows = await this.db.sql<object>(
      `UPDATE sessions SET status = :to, updated_at = now()
       WHERE tenant_id = :tenantId AND id = :id AND status = :from RETURNING ${SESSION_COLUMNS}`,
      { id, from, to },
    );
    return rows[0] && camelRow<SessionEntity>(rows[0]);
  }

  /** A run begins in it. */
  async setBusy(id: string): Promise<SessionEntity> {
    const rows = await this.db.sql<object>(
      `UPDATE sessions SET status = 'processing', last_activity_at = date_trunc('milliseconds', now()), updated_at = now()
       WHERE tenant_id = :tenantId AND id = :id RETURNING ${SESSION_COLUMNS}`,
      { id },
    );
    return onlySession(rows);
  }

  /**
   * Takes the session's lock before a run's, as everyone does who needs both. NO KEY: rows that refer to the session are
   * stored by holders of its runs, who would wait for this lock with the run's in hand.
   */
  async lock(id: string): Promise<SessionStatus | null> {
    const [row] = await this.db.sql<{ status: SessionStatus }>(
      'SELECT status FROM sessions WHERE tenant_id = :tenantId AND id = :id FOR NO KEY UPDATE',
      { id },
    );
    return row?.status ?? null;
  }

  /**
   * A run has ended: its usage and its answer (if any) are counted, and the session is free again, unless someone put
   * it elsewhere meanwhile or another run is on or in line. `title` is for a session that has none.
   */
  async settleRun(
    id: string,
    run: UsageColumns & { messageId: string },
    answers: 0 | 1,
    title: string | null,
  ): Promise<SettledSession> {
    const rows = await this.db.sql<object>(
      `UPDATE sessions SET
         status = CASE WHEN status NOT IN ('processing', 'waiting') THEN status
                       WHEN ${openRun("run_after < 'infinity'")} THEN status
                       WHEN ${openRun('true')} THEN 'processing' ELSE 'active' END,
         title = coalesce(title, :title),
         message_count = message_count + :answers, last_position = last_position + :answers,
         input_tokens = input_tokens + :inputTokens, output_tokens = output_tokens + :outputTokens,
         cache_read_tokens = cache_read_tokens + :cacheReadTokens,
         cache_write_tokens = cache_write_tokens + :cacheWriteTokens,
         cost_micros = cost_micros + :costMicros, usage_estimated = usage_estimated OR :usageEstimated,
         last_activity_at = date_trunc('milliseconds', now()), updated_at = now()
       WHERE tenant_id = :tenantId AND id = :id
       RETURNING ${SESSION_COLUMNS}, ${openRun('true')} AS has_open,
         EXISTS (SELECT 1 FROM messages m WHERE m.tenant_id = :tenantId AND m.session_id = :id AND m.deleted_at IS NULL
                   AND m.summarizes IS NULL AND m.position > (SELECT position FROM messages WHERE tenant_id = :tenantId AND id = :messageId)
         ) AS has_later`,
      { ...run, id, answers, title },
    );
    return onlySession<SettledSession>(rows);
  }
}

/** SQL: the session of `:id` has such a run that has not ended. */
function openRun(condition: string): string {
  return `EXISTS (SELECT 1 FROM runs WHERE tenant_id = :tenantId AND session_id = :id
                    AND status IN ('queued', 'running', 'waiting') AND ${condition})`;
}

function onlySession<S extends SessionEntity = SessionEntity>(rows: object[]): S {
  if (!rows[0]) throw new Error('The session is gone');
  return camelRow<S>(rows[0]);
}
