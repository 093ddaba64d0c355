import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { StopReason } from '../../models/model-client.js';
import type { StoredBlock, StoredFileBlock, ToolCallStatus } from '../messages/message.js';
import type { Run } from '../runs/run.js';

/** A finished model call of a run. */
export interface RunTurn {
  turn: number;
  model: string;
  blocks: StoredBlock[];
  stopReason: StopReason;
  /** What it lacks as an answer by the output schema; null in steps that were no answer. */
  faults: string[] | null;
}

/** A tool call that a model asked for. */
export interface RunToolCall {
  id: string;
  turn: number;
  position: number;
  toolUseId: string;
  name: string;
  input: Record<string, unknown>;
  status: ToolCallStatus;
  isError: boolean | null;
  output: string | null;
  /** The output goes on; the whole is with the execution, which has the call's id. */
  truncated: boolean;
  /** What the result consists of besides its text. */
  files: StoredFileBlock[] | null;
  durationMs: number | null;
  /** For whom it waits or has waited. */
  waitsFor: WaitKind | null;
  /** When it waits no longer; null: as long as it takes. */
  waitsUntil: Date | null;
  decision: 'allow' | 'deny' | null;
  /** A user's id, or `policy`, `hook`, `expiry`. */
  decidedBy: string | null;
  /** Its answer came from outside while the run was held, and the events that say so are still to be stored. */
  told: boolean;
}

export type WaitKind = 'permission' | 'connect' | 'client' | 'agent';

const CALL_COLUMNS = `id, turn, position, tool_use_id, name, input, status, is_error, output, truncated, files, duration_ms,
  waits_for, waits_until, decision, decided_by, told`;

/** What an execution was, beside what its call says. */
export interface Made {
  serverId: string;
  /** What a hook made of the input; null where it is the model's. */
  changedInput: Record<string, unknown> | null;
  /** The whole output where the call's is cut. */
  whole: string | null;
}

/** The steps a run has behind it, from which it goes on after anything. */
@Injectable()
export class RunStepsRepository {
  constructor(private readonly db: Db) {}

  async turns(runId: string): Promise<RunTurn[]> {
    const rows = await this.db.sql<object>(
      `SELECT turn, model, blocks, stop_reason, faults FROM run_turns
       WHERE tenant_id = :tenantId AND run_id = :runId ORDER BY turn`,
      { runId },
    );
    return rows.map((row) => camelRow<RunTurn>(row));
  }

  async toolCalls(runId: string): Promise<RunToolCall[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${CALL_COLUMNS} FROM tool_calls
       WHERE tenant_id = :tenantId AND run_id = :runId ORDER BY turn, position`,
      { runId },
    );
    return rows.map((row) => camelRow<RunToolCall>(row));
  }

  async addTurn(runId: string, turn: RunTurn, calls: RunToolCall[]): Promise<void> {
    await this.db.sql(
      `WITH turn AS (
         INSERT INTO run_turns (tenant_id, run_id, turn, model, blocks, stop_reason, faults)
         VALUES (:tenantId, :runId, :turn, :model, :blocks, :stopReason, :faults)
       )
       INSERT INTO tool_calls (tenant_id, id, run_id, turn, position, tool_use_id, name, input, status, started_at)
       SELECT :tenantId, c.id, :runId, :turn, c.position, c."toolUseId", c.name, c.input, c.status, now()
       FROM jsonb_to_recordset(:calls::jsonb)
         AS c(id uuid, position integer, "toolUseId" text, name text, input jsonb, status text)`,
      {
        runId,
        ...turn,
        blocks: JSON.stringify(turn.blocks),
        faults: turn.faults && JSON.stringify(turn.faults),
        calls: JSON.stringify(calls),
      },
    );
  }

  /** With the record of the execution, where there was one: the call came as far as to be decided on. */
  async finishToolCall(
    run: Pick<Run, 'id' | 'sessionId' | 'createdBy'>,
    call: RunToolCall,
    made: Made | null,
  ): Promise<void> {
    await this.db.sql(
      `WITH call AS (
         UPDATE tool_calls SET status = :status, is_error = :isError, output = :output, truncated = :truncated,
           duration_ms = :durationMs, decision = :decision, decided_by = :decidedBy, finished_at = now()
         WHERE tenant_id = :tenantId AND id = :id
       )
       INSERT INTO tool_executions (tenant_id, id, server_id, tool, input, is_error, decision, decided_by, session_id,
         run_id, created_by, duration_ms, whole)
       SELECT :tenantId, :id, :serverId, :name, :changedInput::jsonb, :isError, :decision, :decidedBy, :sessionId, :runId,
         :createdBy, :durationMs, :whole
       WHERE :serverId::text IS NOT NULL`,
      {
        ...call,
        ...{ sessionId: run.sessionId, runId: run.id, createdBy: run.createdBy },
        serverId: made?.serverId ?? null,
        changedInput: made?.changedInput ? JSON.stringify(made.changedInput) : null,
        whole: made?.whole ?? null,
      },
    );
  }

  /** From here on nobody knows whether it had its effect. */
  async beginToolCall({ id }: RunToolCall, serverId: string): Promise<void> {
    await this.db.sql(
      `UPDATE tool_calls SET status = 'running', started_at = now(), server_id = :serverId
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, serverId },
    );
  }

  async waitWithToolCall(
    call: RunToolCall,
    { serverId, changedInput }: Pick<Made, 'serverId' | 'changedInput'>,
  ): Promise<void> {
    await this.db.sql(
      `UPDATE tool_calls SET status = 'waiting', waits_for = :waitsFor, waits_until = :waitsUntil, told = true,
         decision = :decision, decided_by = :decidedBy, server_id = :serverId, given_input = :changedInput::jsonb
       WHERE tenant_id = :tenantId AND id = :id`,
      { ...call, serverId, changedInput: changedInput && JSON.stringify(changedInput) },
    );
  }

  /** With what hooks have left of their outputs. */
  async markTold(calls: readonly RunToolCall[]): Promise<void> {
    await this.db.sql(
      `UPDATE tool_calls c SET told = true, status = t.status, is_error = t."isError", output = t.output, truncated = t.truncated,
         files = t.files
       FROM jsonb_to_recordset(:calls::jsonb)
         AS t(id uuid, status text, "isError" boolean, output text, truncated boolean, files jsonb)
       WHERE c.tenant_id = :tenantId AND c.id = t.id`,
      {
        calls: JSON.stringify(
          calls.map(({ id, status, isError, output, truncated, files }) => ({
            ...{ id, status, isError, output, truncated, files },
          })),
        ),
      },
    );
  }

  /** The run has ended: its message holds the turns now, and calls that never came to a result never will. */
  async close(runId: string): Promise<void> {
    await this.db.sql(
      `WITH open AS (
         UPDATE tool_calls SET status = 'cancelled', finished_at = now()
         WHERE tenant_id = :tenantId AND run_id = :runId AND status IN ('pending', 'running', 'waiting')
       ), broken_off AS (
         INSERT INTO tool_executions (tenant_id, id, server_id, tool, output, is_error, decision, decided_by, session_id,
           run_id, created_by, duration_ms)
         SELECT c.tenant_id, c.id, coalesce(c.server_id, split_part(c.name, ':', 1)), c.name,
           'The call was broken off: it may or may not have taken effect', true, coalesce(c.decision, 'allow'),
           coalesce(c.decided_by, 'policy'), r.session_id, r.id, r.created_by,
           (extract(epoch FROM now() - coalesce(c.started_at, c.created_at)) * 1000)::int
         FROM tool_calls c JOIN runs r ON r.tenant_id = c.tenant_id AND r.id = c.run_id
         WHERE c.tenant_id = :tenantId AND c.run_id = :runId AND c.status = 'running'
         ON CONFLICT DO NOTHING
       ), unanswered AS (
         UPDATE permissions SET status = 'cancelled', decided_at = now()
         WHERE tenant_id = :tenantId AND run_id = :runId AND status = 'pending'
       )
       DELETE FROM run_turns WHERE tenant_id = :tenantId AND run_id = :runId`,
      { runId },
    );
  }
}

export function newToolCall(
  turn: number,
  position: number,
  block: { id: string; name: string; input: Record<string, unknown> },
): RunToolCall {
  return {
    id: v7(),
    turn,
    position,
    toolUseId: block.id,
    name: block.name,
    input: block.input,
    status: 'pending',
    isError: null,
    output: null,
    truncated: false,
    files: null,
    durationMs: null,
    waitsFor: null,
    waitsUntil: null,
    decision: null,
    decidedBy: null,
    told: true,
  };
}
