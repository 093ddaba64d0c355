import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { WaitKind } from '../run-loop/run-steps.repository.js';
import type { ShownOutput } from '../executions/execution.js';
import { RUN_COLUMNS, runOf } from '../runs/runs.repository.js';
import type { Run } from '../runs/run.js';
import type { StoredFileBlock, ToolCallStatus } from '../messages/message.js';

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

/** A run whose row is locked. */
export interface LockedRun extends Run {
  /** Somebody works on it, or is about to: they will see what has changed. */
  isHeld: boolean;
}

/** For whom a run waits: nobody, agents that are at work (and perhaps people), or people alone. */
export type Standing = 'free' | 'agents' | 'people';

/** What becomes of a call that has waited. `pending`: it may be carried out now. */
export type CallAnswer = {
  decision: 'allow' | 'deny' | null;
  /** A user's id, or `expiry`; null where nobody had to decide. */
  decidedBy: string | null;
} & ({ status: 'pending' } | ({ status: 'completed' | 'failed'; files?: StoredFileBlock[] | null } & ShownOutput));

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

  /** Calls whose people have no account with a server, as far as they know; `userId`: of whose runs. */
  async waitingToConnect(serverId: string, userId: string | null): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `SELECT c.id FROM permissions p
       JOIN tool_calls c ON c.tenant_id = p.tenant_id AND c.id = p.tool_call_id
       JOIN runs r ON r.tenant_id = p.tenant_id AND r.id = p.run_id
       WHERE p.tenant_id = :tenantId AND p.connect_server_id = :serverId AND p.status = 'pending'
         AND (:userId::uuid IS NULL OR r.created_by = :userId) AND c.status = 'waiting'`,
      { serverId, userId },
    );
    return rows.map(({ id }) => id);
  }

  /** Calls that the run's own application is to carry out. */
  async clientCallsOf(runId: string): Promise<Pick<WaitingCall, 'toolUseId' | 'name' | 'input'>[]> {
    const rows = await this.db.sql<object>(
      `SELECT tool_use_id, name, coalesce(given_input, input) AS input FROM tool_calls
       WHERE tenant_id = :tenantId AND run_id = :runId AND status = 'waiting' AND waits_for = 'client'
       ORDER BY turn, position`,
      { runId },
    );
    return rows.map((row) => camelRow<Pick<WaitingCall, 'toolUseId' | 'name' | 'input'>>(row));
  }

  /** The session is locked; so is the run from now on, and neither begins nor ends meanwhile. */
  async lockRun(id: string): Promise<LockedRun | null> {
    const [row] = await this.db.sql<{ isHeld: boolean }>(
      `SELECT ${RUN_COLUMNS}, r.status = 'queued' OR r.lease_until IS NOT NULL AS "isHeld"
       FROM runs r WHERE r.tenant_id = :tenantId AND r.id = :id FOR NO KEY UPDATE`,
      { id },
    );
    if (!row) return null;
    const { isHeld, ...run } = row;
    return { ...runOf(run), isHeld };
  }

  /** False when the call does not wait any more. `told`: the events that say so are stored with this. */
  async answer(id: string, answer: CallAnswer, told: boolean): Promise<boolean> {
    const isPending = answer.status === 'pending';
    const output = isPending ? { isError: null, output: null, truncated: false } : answer;
    const files = isPending || !answer.files ? null : JSON.stringify(answer.files);
    const rows = await this.db.sql(
      `UPDATE tool_calls SET status = :status, is_error = :isError, output = :output, truncated = :truncated,
         files = :files::jsonb, decision = coalesce(:decision, decision), decided_by = coalesce(:decidedBy, decided_by), told = :told,
         finished_at = CASE WHEN :status = 'pending' THEN NULL ELSE now() END,
         duration_ms = CASE WHEN :status = 'pending' THEN NULL
                            ELSE (extract(epoch FROM now() - coalesce(started_at, created_at)) * 1000)::int END
       WHERE tenant_id = :tenantId AND id = :id AND status = 'waiting'
       RETURNING id`,
      { ...answer, ...output, files, id, told },
    );
    return rows.length > 0;
  }

  /** The record of a call that ended here: it was denied, or somebody else than a process of ours carried it out. */
  async record(call: WaitingCall, run: Run, answer: CallAnswer): Promise<void> {
    if (answer.status === 'pending') return;
    await this.db.sql(
      `INSERT INTO tool_executions (tenant_id, id, server_id, tool, input, is_error, decision, decided_by, session_id, run_id,
         created_by, duration_ms, whole)
       SELECT :tenantId, c.id, coalesce(c.server_id, split_part(c.name, ':', 1)), c.name, c.given_input, :isError,
         coalesce(c.decision, 'allow'), coalesce(c.decided_by, 'policy'), :sessionId, :runId, :createdBy, :waitedMs, :whole
       FROM tool_calls c WHERE c.tenant_id = :tenantId AND c.id = :id
       ON CONFLICT DO NOTHING`,
      { ...call, ...answer, createdBy: run.createdBy },
    );
  }

  /** For whom the run waits, if for anybody. While agents are at work, they may have something to ask as well. */
  async standing(runId: string): Promise<Standing> {
    const [row] = await this.db.sql<{ waits: boolean; works: boolean }>(
      `SELECT count(*) > 0 AS waits, coalesce(bool_or(c.waits_for = 'agent' AND child.status <> 'waiting'), false) AS works
       FROM tool_calls c
       LEFT JOIN agent_tasks t ON t.tenant_id = c.tenant_id AND t.tool_call_id = c.id AND c.waits_for = 'agent'
       LEFT JOIN runs child ON child.tenant_id = t.tenant_id AND child.id = t.run_id
       WHERE c.tenant_id = :tenantId AND c.run_id = :runId AND c.status = 'waiting'`,
      { runId },
    );
    if (!row?.waits) return 'free';
    return row.works ? 'agents' : 'people';
  }

  /** A run that is locked and that nobody holds, with room for so many events. */
  async move(run: Run, to: 'queued' | 'suspended' | 'waiting', events: number): Promise<Run> {
    const rows = await this.db.sql<object>(
      `UPDATE runs r SET last_seq = last_seq + :events::int, status = :status, lease_until = NULL,
         run_after = CASE WHEN :status = 'queued' THEN now() ELSE run_after END
       WHERE r.tenant_id = :tenantId AND r.id = :id RETURNING ${RUN_COLUMNS}`,
      { id: run.id, events, status: to === 'suspended' ? 'running' : to },
    );
    return runOf(rows[0] ?? run);
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
