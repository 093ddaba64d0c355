import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';

/** The record of one call of a tool. */
export interface StoredExecution {
  id: string;
  serverId: string;
  tool: string;
  input: Record<string, unknown>;
  isError: boolean;
  output: string | null;
  isCut: boolean;
  result: { content: Record<string, unknown>[]; structuredContent: Record<string, unknown> | null } | null;
  decision: 'allow' | 'deny';
  decidedBy: string;
  sessionId: string | null;
  runId: string | null;
  durationMs: number;
  createdAt: Date;
}

export type NewExecution = Omit<StoredExecution, 'createdAt' | 'isCut'> & {
  whole: string | null;
  createdBy: string | null;
};

interface ExecutionFilter {
  serverId?: string;
  tool?: string;
  sessionId?: string;
  runId?: string;
  before: string | null;
  limit: number;
}

/** Characters of an output that a list shows. */
const LONGEST_LISTED = 65_536;

const OUTPUT = 'coalesce(e.output, c.output)';

/** What a run's call says already is not kept twice. */
const FROM = `FROM tool_executions e
  LEFT JOIN tool_calls c ON c.tenant_id = e.tenant_id AND c.id = e.id
  LEFT JOIN sessions s ON s.tenant_id = e.tenant_id AND s.id = e.session_id`;

/** Of a session the caller may see, or their own. */
const VISIBLE = `CASE WHEN e.session_id IS NULL THEN (:all::boolean OR e.created_by = :me::uuid) ELSE ${VISIBLE_SESSION} END`;

function columns(output: string, isCut: string): string {
  return `e.id, e.server_id, e.tool, coalesce(e.input, c.input) AS input, e.is_error, ${output} AS output,
    ${isCut} AS is_cut, e.decision, e.decided_by, e.session_id, e.run_id, e.duration_ms, e.created_at`;
}

@Injectable()
export class ExecutionsRepository {
  constructor(private readonly db: Db) {}

  async add(execution: NewExecution): Promise<void> {
    await this.db.sql(
      `INSERT INTO tool_executions (tenant_id, id, server_id, tool, input, output, is_error, decision, decided_by, session_id,
         run_id, created_by, duration_ms, result, whole)
       VALUES (:tenantId, :id, :serverId, :tool, :input, :output, :isError, :decision, :decidedBy, :sessionId, :runId,
         :createdBy, :durationMs, :result, :whole)`,
      { ...execution, input: JSON.stringify(execution.input), result: JSON.stringify(execution.result) },
    );
  }

  async findVisible(id: string): Promise<StoredExecution | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${columns(OUTPUT, 'e.whole IS NOT NULL')}, e.result ${FROM}
       WHERE e.tenant_id = :tenantId AND e.id = :id AND ${VISIBLE}`,
      { id, ...visibilityParameters() },
    );
    return rows[0] ? camelRow<StoredExecution>(rows[0]) : null;
  }

  async wholeOutput(id: string): Promise<string | null> {
    const [row] = await this.db.sql<{ output: string | null }>(
      `SELECT coalesce(e.whole, ${OUTPUT}) AS output ${FROM}
       WHERE e.tenant_id = :tenantId AND e.id = :id AND ${VISIBLE}`,
      { id, ...visibilityParameters() },
    );
    return row?.output ?? null;
  }

  async list({ serverId, tool, sessionId, runId, before, limit }: ExecutionFilter): Promise<StoredExecution[]> {
    const isLong = `length(${OUTPUT}) > ${LONGEST_LISTED}`;
    const rows = await this.db.sql<object>(
      `SELECT ${columns(`left(${OUTPUT}, ${LONGEST_LISTED})`, `e.whole IS NOT NULL OR coalesce(${isLong}, false)`)} ${FROM}
       WHERE e.tenant_id = :tenantId AND ${VISIBLE}
         AND (:serverId::text IS NULL OR e.server_id = :serverId) AND (:tool::text IS NULL OR e.tool = :tool)
         AND (:sessionId::uuid IS NULL OR e.session_id = :sessionId) AND (:runId::uuid IS NULL OR e.run_id = :runId)
         AND (:before::uuid IS NULL OR e.id < :before::uuid)
       ORDER BY e.id DESC LIMIT :limit`,
      {
        ...{ serverId: serverId ?? null, tool: tool ?? null, sessionId: sessionId ?? null, runId: runId ?? null },
        ...{ before, limit, ...visibilityParameters() },
      },
    );
    return rows.map((row) => camelRow<StoredExecution>(row));
  }
}
