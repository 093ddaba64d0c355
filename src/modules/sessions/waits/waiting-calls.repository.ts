import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { WaitKind } from '../run-loop/run-steps.repository.js';
import type { ShownOutput } from '../executions/execution.js';
import { NO_CALL_WAITS, RUN_COLUMNS, runOf } from '../runs/runs.repository.js';
import type { Run } from '../runs/run.js';
import type { ToolCallStatus } from '../messages/message.js';

/** A call of a tool, as far as its answer is concerned. */
export interface WaitingCall {
  id: string;
  runId: string;
  sessionId: string;
  toolUseId: string;
  name: string;
  input: Record<string, unknown>;
  status: ToolCallStatus;
  waitsFor: WaitKind | null;
  waitsUntil: Date | null;
  waitedMs: number;
}

/** What becomes of a call that has waited. `pending`: it may be carried out now. */
export type CallAnswer = {
  decision: 'allow' | 'deny' | null;
  /** A user's id, or `expiry`; null where nobody had to decide. */
  decidedBy: string | null;
} & ({ status: 'pending' } | ({ status: 'completed' | 'failed' } & ShownOutput));

const COLUMNS = `c.id, c.run_id, r.session_id, c.tool_use_id, c.name, c.input, c.status, c.waits_for, c.waits_until,
  (extract(epoch FROM now() - coalesce(c.started_at, c.created_at)) * 1000)::int AS waited_ms`;

/** Calls that wait for somebody outside of any process. */
@Injectable()
export class WaitingCallsRepository {
  constructor(private readonly db: Db) {}

  async find(id: string): Promise<WaitingCall | null> {
    return this.only('c.id = :id', { id });
  }

  async ofToolUse(runId: string, toolUseId: string): Promise<WaitingCall | null> {
    return this.only('c.run_id = :runId AND c.tool_use_id = :toolUseId', { runId, toolUseId });
  }

  /** Calls that the run's own application is to carry out. */
  async clientCallsOf(runId: string): Promise<Pick<WaitingCall, 'toolUseId' | 'name' | 'input'>[]> {
    const rows = await this.db.sql<object>(
      `SELECT tool_use_id, name, input FROM tool_calls
       WHERE tenant_id = :tenantId AND run_id = :runId AND status = 'waiting' AND waits_for = 'client'
       ORDER BY turn, position`,
      { runId },
    );
    return rows.map((row) => camelRow<Pick<WaitingCall, 'toolUseId' | 'name' | 'input'>>(row));
  }

  /** The session is locked; so is the run from now on, and neither begins nor ends meanwhile. */
  async lockRun(id: string): Promise<Run | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${RUN_COLUMNS} FROM runs r WHERE r.tenant_id = :tenantId AND r.id = :id FOR UPDATE`,
      { id },
    );
    return rows[0] ? runOf(rows[0]) : null;
  }

  /** False when the call does not wait any more. `told`: the events that say so are stored with this. */
  async answer(id: string, answer: CallAnswer, told: boolean): Promise<boolean> {
    const output = answer.status === 'pending' ? { isError: null, output: null, truncated: false } : answer;
    const rows = await this.db.sql(
      `UPDATE tool_calls SET status = :status, is_error = :isError, output = :output, truncated = :truncated,
         decision = :decision, decided_by = :decidedBy, told = :told,
         finished_at = CASE WHEN :status = 'pending' THEN NULL ELSE now() END,
         duration_ms = CASE WHEN :status = 'pending' THEN NULL
                            ELSE (extract(epoch FROM now() - coalesce(started_at, created_at)) * 1000)::int END
       WHERE tenant_id = :tenantId AND id = :id AND status = 'waiting'
       RETURNING id`,
      { ...answer, ...output, id, told },
    );
    return rows.length > 0;
  }

  /** The record of a call that ended here: it was denied, or somebody else than a process of ours carried it out. */
  async record(call: WaitingCall, run: Run, answer: CallAnswer): Promise<void> {
    if (answer.status === 'pending') return;
    await this.db.sql(
      `INSERT INTO tool_executions (tenant_id, id, server_id, tool, is_error, decision, decided_by, session_id, run_id,
         created_by, duration_ms, whole)
       VALUES (:tenantId, :id, :serverId, :name, :isError, coalesce(:decision::text, 'allow'),
         coalesce(:decidedBy::text, 'policy'), :sessionId, :runId, :createdBy, :waitedMs, :whole)
       ON CONFLICT DO NOTHING`,
      { ...call, ...answer, serverId: call.name.slice(0, call.name.indexOf(':')), createdBy: run.createdBy },
    );
  }

  /**
   * The run waits and is locked: its row makes room for events, and it is queued again if nothing is waited for any
   * more. `goesOn`: the last of the events says so.
   */
  async advance(run: Run, events: number): Promise<{ run: Run; goesOn: boolean }> {
    const [row] = await this.db.sql<{ goesOn: boolean }>(
      `SELECT r.pause_requested_at IS NULL AND ${NO_CALL_WAITS} AS "goesOn" FROM runs r WHERE r.tenant_id = :tenantId AND r.id = :id`,
      { id: run.id },
    );
    const goesOn = row?.goesOn ?? false;
    const rows = await this.db.sql<object>(
      `UPDATE runs r SET last_seq = last_seq + :events::int,
         status = CASE WHEN :goesOn::boolean THEN 'queued' ELSE status END,
         run_after = CASE WHEN :goesOn::boolean THEN now() ELSE run_after END
       WHERE r.tenant_id = :tenantId AND r.id = :id RETURNING ${RUN_COLUMNS}`,
      { id: run.id, events: events + (goesOn ? 1 : 0), goesOn },
    );
    return { run: runOf(rows[0] ?? run), goesOn };
  }

  private async only(condition: string, parameters: Record<string, unknown>): Promise<WaitingCall | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM tool_calls c JOIN runs r ON r.tenant_id = c.tenant_id AND r.id = c.run_id
       WHERE c.tenant_id = :tenantId AND ${condition}`,
      parameters,
    );
    return rows[0] ? camelRow<WaitingCall>(rows[0]) : null;
  }
}
