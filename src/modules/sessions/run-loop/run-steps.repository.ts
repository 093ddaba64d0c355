import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { StopReason } from '../../models/model-client.js';
import type { StoredBlock, ToolCallStatus } from '../messages/message.js';

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
  durationMs: number | null;
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
      `SELECT id, turn, position, tool_use_id, name, input, status, is_error, output, duration_ms FROM tool_calls
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

  async finishToolCall(call: RunToolCall): Promise<void> {
    await this.db.sql(
      `UPDATE tool_calls SET status = :status, is_error = :isError, output = :output, duration_ms = :durationMs,
         finished_at = now()
       WHERE tenant_id = :tenantId AND id = :id`,
      { ...call },
    );
  }

  /** The run has ended: its message holds the turns now, and calls that never came to a result never will. */
  async close(runId: string): Promise<void> {
    await this.db.sql(
      `WITH open AS (
         UPDATE tool_calls SET status = 'cancelled', finished_at = now()
         WHERE tenant_id = :tenantId AND run_id = :runId AND status IN ('pending', 'running')
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
    status: 'running',
    isError: null,
    output: null,
    durationMs: null,
  };
}
