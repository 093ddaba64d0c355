import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { isDivisionByZero } from '../../../platform/database/database-errors.js';
import { Db } from '../../../platform/database/db.js';
import type { RunEventType } from '../../../contracts/live-events.js';
import type { Message } from '../messages/message.js';
import type { HistoryMessage } from '../messages/messages.repository.js';
import { LEASE_MS } from '../../../platform/jobs/work-tables.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';
import { usageOf } from '../usage.js';
import type { PinnedRun, Run, RunStatus, WholeRun } from './run.js';
import type { StoredEvent } from './run-events.repository.js';

export const RUN_COLUMNS = `r.tenant_id, r.id, r.session_id, r.agent_id, r.agent_version, r.message_id, r.created_by, r.trigger,
  r.model, r.status, r.error, r.cancel_requested_at, r.pause_requested_at, r.input_tokens, r.output_tokens,
  r.cache_read_tokens, r.cache_write_tokens, r.cost_micros, r.usage_estimated, r.active_ms, r.last_seq, r.open_message_id, r.attempts,
  r.fence, r.created_at, r.started_at, r.finished_at`;

/** SQL: nobody holds the run `r`, which waits for people or, as `running` without a lease, for agents. */
const IS_LET_GO = `(r.status = 'waiting' OR r.status = 'running' AND r.lease_until IS NULL)`;

export interface RunFilter {
  status?: RunStatus;
  before: string | null;
  limit: number;
}

export interface FoundRun {
  run: WholeRun;
  /** The state of the application around its session, as it is now. */
  context: Record<string, unknown>;
  /** Its session has no title. */
  isUntitled: boolean;
  /** What was said up to the message it answers, where that is known already. */
  history?: HistoryMessage[] | null;
  /** Before it was claimed, on the clock of `performance.now()`. */
  claimedAt: number;
}

@Injectable()
export class RunsRepository {
  constructor(private readonly db: Db) {}

  /**
   * A run and its first events, with the user's message if it is a new one, in one statement. One that is held has to
   * wait for its turn; one that is `running` is claimed by this process.
   */
  async start(
    run: WholeRun,
    message: Message | null,
    events: { type: RunEventType; data: object }[],
    isHeld: boolean,
  ): Promise<void> {
    await this.db.sql(
      `WITH message AS (
         INSERT INTO messages (tenant_id, id, session_id, run_id, position, role, content, blocks, metadata, created_at, updated_at)
         SELECT :tenantId, :messageId, :sessionId, :id, :position, 'user', :content, :blocks, :metadata, :createdAt, :createdAt
         WHERE :position::integer IS NOT NULL
       ), run AS (
         INSERT INTO runs (tenant_id, id, session_id, agent_id, agent_version, message_id, created_by, trigger, model,
           pinned, last_seq, created_at, run_after, status, attempts, fence, started_at, lease_until)
         VALUES (:tenantId, :id, :sessionId, :agentId, :agentVersion, :messageId, :createdBy, :trigger, :model,
           :pinned, :lastSeq, :createdAt, CASE WHEN :isHeld::boolean THEN 'infinity' ELSE now() END,
           :status, :attempts, :fence, :startedAt,
           CASE WHEN :status = 'running' THEN clock_timestamp() + interval '1 millisecond' * :leaseMs END)
       )
       INSERT INTO run_events (tenant_id, run_id, seq, type, at, data)
       SELECT :tenantId, :id, e.ord, e.value ->> 'type', :createdAt, e.value -> 'data'
       FROM jsonb_array_elements(:events::jsonb) WITH ORDINALITY AS e(value, ord)`,
      {
        ...run,
        pinned: JSON.stringify(run.pinned),
        isHeld,
        leaseMs: LEASE_MS,
        position: message?.position ?? null,
        content: message?.content ?? '',
        blocks: JSON.stringify(message?.blocks ?? []),
        metadata: JSON.stringify(message?.metadata ?? {}),
        lastSeq: events.length,
        events: JSON.stringify(events),
      },
    );
  }

  async findWhole(id: string): Promise<Omit<FoundRun, 'claimedAt'> | null> {
    const [row] = await this.db.sql<{ pinned: PinnedRun } & Omit<FoundRun, 'run' | 'claimedAt'>>(
      `SELECT ${RUN_COLUMNS}, r.pinned, s.context, s.title IS NULL AS "isUntitled"
       FROM runs r JOIN sessions s ON s.tenant_id = r.tenant_id AND s.id = r.session_id
       WHERE r.tenant_id = :tenantId AND r.id = :id`,
      { id },
    );
    if (!row) return null;
    const { pinned, context, isUntitled, ...run } = row;
    return { run: { ...runOf(run), pinned }, context, isUntitled };
  }

  /** A run whose session the caller may see. */
  async findVisible(id: string): Promise<Run | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${RUN_COLUMNS} FROM runs r JOIN sessions s ON s.tenant_id = r.tenant_id AND s.id = r.session_id
       WHERE r.tenant_id = :tenantId AND r.id = :id AND ${VISIBLE_SESSION}`,
      { id, ...visibilityParameters() },
    );
    return rows[0] ? runOf(rows[0]) : null;
  }

  async ofSession(sessionId: string, filter: RunFilter): Promise<Run[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${RUN_COLUMNS} FROM runs r
       WHERE r.tenant_id = :tenantId AND r.session_id = :sessionId
         AND (:before::uuid IS NULL OR r.id < :before::uuid) AND (:status::text IS NULL OR r.status = :status)
       ORDER BY r.id DESC LIMIT :limit`,
      { sessionId, before: filter.before, status: filter.status ?? null, limit: filter.limit },
    );
    return rows.map(runOf);
  }

  /** Runs of a session that have not ended, and the last one that has. */
  async openOrLast(sessionId: string): Promise<Pick<Run, 'id' | 'status' | 'lastSeq'>[]> {
    const rows = await this.db.sql<object>(
      `(SELECT id, status, last_seq FROM runs r
        WHERE r.tenant_id = :tenantId AND r.session_id = :sessionId AND r.status IN ('queued', 'running', 'waiting'))
       UNION
       (SELECT id, status, last_seq FROM runs r
        WHERE r.tenant_id = :tenantId AND r.session_id = :sessionId ORDER BY id DESC LIMIT 1)`,
      { sessionId },
    );
    return rows.map((row) => {
      const run = camelRow<Pick<Run, 'id' | 'status' | 'lastSeq'>>(row);
      return { ...run, lastSeq: Number(run.lastSeq) };
    });
  }

  async openOf(sessionId: string): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `SELECT id FROM runs
       WHERE tenant_id = :tenantId AND session_id = :sessionId AND status IN ('queued', 'running', 'waiting')`,
      { sessionId },
    );
    return rows.map(({ id }) => id);
  }

  async hasOpen(sessionId: string): Promise<boolean> {
    return (await this.openOf(sessionId)).length > 0;
  }

  /**
   * Of the runs that are on in a session and not to be cancelled; those whose turn has not come stay as they are. One
   * that nobody holds waits at once, with room for the event that says so.
   */
  async requestPause(sessionId: string): Promise<Run[]> {
    const rows = await this.db.sql<object>(
      `UPDATE runs r SET pause_requested_at = now(),
         status = CASE WHEN r.status = 'queued' THEN 'waiting' ELSE r.status END,
         last_seq = CASE WHEN r.status = 'queued' THEN r.last_seq + 1 ELSE r.last_seq END
       WHERE r.tenant_id = :tenantId AND r.session_id = :sessionId AND r.status IN ('queued', 'running')
         AND r.cancel_requested_at IS NULL AND r.run_after < 'infinity'
       RETURNING ${RUN_COLUMNS}`,
      { sessionId },
    );
    // One that waits for somebody waits on, and does not go on before the pause is withdrawn.
    await this.db.sql(
      `UPDATE runs SET pause_requested_at = now()
       WHERE tenant_id = :tenantId AND session_id = :sessionId AND status = 'waiting' AND pause_requested_at IS NULL
         AND cancel_requested_at IS NULL`,
      { sessionId },
    );
    return rows.map(runOf);
  }

  /** One of them waits for somebody, whether or not its session is paused. */
  async waitsInSession(sessionId: string): Promise<boolean> {
    const rows = await this.db.sql(
      `SELECT 1 FROM runs WHERE tenant_id = :tenantId AND session_id = :sessionId AND status = 'waiting' LIMIT 1`,
      { sessionId },
    );
    return rows.length > 0;
  }

  /** Of a session's runs. Returns those that were to pause. */
  async withdrawPause(sessionId: string): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `UPDATE runs SET pause_requested_at = NULL
       WHERE tenant_id = :tenantId AND session_id = :sessionId AND pause_requested_at IS NOT NULL
         AND status IN ('queued', 'running', 'waiting')
       RETURNING id`,
      { sessionId },
    );
    return rows.map(({ id }) => id);
  }

  /** Locked until the transaction ends. */
  async isToBeCancelled(id: string): Promise<boolean> {
    const [row] = await this.db.sql<{ asked: boolean }>(
      `SELECT cancel_requested_at IS NOT NULL AS asked FROM runs WHERE tenant_id = :tenantId AND id = :id FOR NO KEY UPDATE`,
      { id },
    );
    return row?.asked ?? false;
  }

  /** Null when the run has ended already, or its turn has not come. One that waits is put where its end can be claimed. */
  async requestCancel(id: string): Promise<Run | null> {
    const rows = await this.db.sql<object>(
      `UPDATE runs r SET cancel_requested_at = coalesce(r.cancel_requested_at, now()),
         status = CASE WHEN ${IS_LET_GO} THEN 'queued' ELSE r.status END,
         run_after = CASE WHEN ${IS_LET_GO} THEN now() ELSE r.run_after END
       WHERE r.tenant_id = :tenantId AND r.id = :id AND r.status IN ('queued', 'running', 'waiting')
         AND r.run_after < 'infinity'
       RETURNING ${RUN_COLUMNS}`,
      { id },
    );
    return rows[0] ? runOf(rows[0]) : null;
  }

  /**
   * Moves a run on to where its holder knows it to be, and stores the events that brought it there.
   * False when the fence has moved: someone else holds it, and nothing is stored in this transaction any more, also
   * where its COMMIT is sent already. `isLetGo`: it goes on running, but nobody holds it, since it waits for other runs;
   * a renewal of its lease that is under way comes too late.
   */
  async advance(run: Run, fence: number, at: Date, events: StoredEvent[], isLetGo = false): Promise<boolean> {
    const stored = this.db.sql(
      `WITH advanced AS (
         UPDATE runs r SET last_seq = :lastSeq, progressed = true, model = :model,
           input_tokens = :inputTokens, output_tokens = :outputTokens, cache_read_tokens = :cacheReadTokens,
           cache_write_tokens = :cacheWriteTokens, cost_micros = :costMicros, usage_estimated = :usageEstimated,
           open_message_id = :openMessageId, active_ms = :activeMs, status = :status, error = :error::jsonb,
           finished_at = :finishedAt::timestamptz,
           lease_until = CASE WHEN :status = 'running' AND NOT :isLetGo::boolean THEN r.lease_until END,
           fence = CASE WHEN :isLetGo::boolean THEN r.fence + 1 ELSE r.fence END
         WHERE r.tenant_id = :tenantId AND r.id = :id AND r.fence = :fence AND r.status = 'running'
           AND r.last_seq = :lastSeq::bigint - :count::bigint
         RETURNING r.id
       ), stored AS (
         INSERT INTO run_events (tenant_id, run_id, seq, type, at, data)
         SELECT :tenantId, advanced.id, e.seq, e.type, :at, e.data
         FROM advanced, jsonb_to_recordset(:events::jsonb) AS e(seq bigint, type text, data jsonb)
       )
       SELECT 1 / count(*) FROM advanced`,
      {
        ...run,
        ...{ fence, at, isLetGo, count: events.length, events: JSON.stringify(events) },
        error: run.error && JSON.stringify(run.error),
      },
    );
    try {
      await stored;
      return true;
    } catch (error) {
      if (isDivisionByZero(error)) return false;
      throw error;
    }
  }

  /** What a run has taken so far, by whoever hands it back. */
  async keepSpent(run: Run, fence: number, activeMs: number): Promise<void> {
    await this.db.sql(
      `UPDATE runs SET model = :model, input_tokens = :inputTokens, output_tokens = :outputTokens,
         cache_read_tokens = :cacheReadTokens, cache_write_tokens = :cacheWriteTokens, cost_micros = :costMicros,
         usage_estimated = :usageEstimated, active_ms = :activeMs
       WHERE tenant_id = :tenantId AND id = :id AND fence = :fence AND status = 'running'`,
      { ...run, fence, activeMs },
    );
  }
}

/** The driver gives bigint as text, with which `+` would append. */
export function runOf(row: object): Run {
  const run = camelRow<Run>(row);
  const { estimated: usageEstimated, ...usage } = usageOf(run);
  return {
    ...run,
    ...usage,
    usageEstimated,
    activeMs: Number(run.activeMs),
    lastSeq: Number(run.lastSeq),
    fence: Number(run.fence),
  };
}
