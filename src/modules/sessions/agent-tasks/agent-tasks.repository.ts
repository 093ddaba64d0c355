import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { RunStatus } from '../runs/run.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';
import type { Spent } from '../run-loop/run-state.js';
import type { AgentMessage, AgentTask, KnownAgentTask } from './agent-task.js';

const COLUMNS = `t.id, t.parent_run_id, t.parent_session_id, t.tool_call_id, t.tool_use_id, t.from_agent_id, t.to_agent_id,
  t.session_id, t.run_id, t.created_at`;

const KNOWN = `SELECT ${COLUMNS}, r.status, r.error, r.finished_at, asked.content AS message,
    CASE WHEN NOT reply.is_error THEN reply.content END AS output
  FROM agent_tasks t
  JOIN runs r ON r.tenant_id = t.tenant_id AND r.id = t.run_id
  JOIN sessions s ON s.tenant_id = t.tenant_id AND s.id = t.session_id
  JOIN agent_messages asked ON asked.tenant_id = t.tenant_id AND asked.task_id = t.id AND asked.type = 'request'
  LEFT JOIN agent_messages reply ON reply.tenant_id = t.tenant_id AND reply.task_id = t.id AND reply.type = 'reply'`;

/** One row; those that were asked in one turn were at work side by side. */
function spentBelow(runId: string): string {
  return `SELECT coalesce(sum(turn.tokens), 0) AS tokens, coalesce(sum(turn.cost_micros), 0) AS cost_micros,
      coalesce(sum(turn.active_ms), 0) AS active_ms
    FROM (
      SELECT sum(b.tokens) AS tokens, sum(b.cost_micros) AS cost_micros, max(b.active_ms) AS active_ms
      FROM agent_tasks b JOIN tool_calls c ON c.tenant_id = b.tenant_id AND c.id = b.tool_call_id
      WHERE b.tenant_id = :tenantId AND b.parent_run_id = ${runId} GROUP BY c.turn
    ) turn`;
}

interface TaskFilter {
  parentRunId?: string;
  sessionId?: string;
  agentId?: string;
  status?: RunStatus;
  before: string | null;
  limit: number;
}

@Injectable()
export class AgentTasksRepository {
  constructor(private readonly db: Db) {}

  async add(task: AgentTask, message: string): Promise<void> {
    await this.db.sql(
      `WITH task AS (
         INSERT INTO agent_tasks (tenant_id, id, parent_run_id, parent_session_id, tool_call_id, tool_use_id, from_agent_id,
           to_agent_id, session_id, run_id, created_at)
         VALUES (:tenantId, :id, :parentRunId, :parentSessionId, :toolCallId, :toolUseId, :fromAgentId, :toAgentId,
           :sessionId, :runId, :createdAt)
       )
       INSERT INTO agent_messages (tenant_id, id, task_id, type, content, created_at)
       VALUES (:tenantId, :messageId, :id, 'request', :message, :createdAt)`,
      { ...task, messageId: v7(), message },
    );
  }

  /** What came of it, with what it took. */
  async addReply(id: string, content: string, isError: boolean): Promise<void> {
    await this.db.sql(
      `WITH spent AS (
         UPDATE agent_tasks t SET
           tokens = r.input_tokens + r.output_tokens + r.cache_read_tokens + r.cache_write_tokens + below.tokens,
           cost_micros = r.cost_micros + below.cost_micros, active_ms = r.active_ms + below.active_ms
         FROM runs r, LATERAL (${spentBelow('r.id')}) below
         WHERE t.tenant_id = :tenantId AND t.id = :id AND r.tenant_id = t.tenant_id AND r.id = t.run_id
       )
       INSERT INTO agent_messages (tenant_id, id, task_id, type, content, is_error)
       VALUES (:tenantId, :messageId, :id, 'reply', :content, :isError)
       ON CONFLICT DO NOTHING`,
      { id, messageId: v7(), content, isError },
    );
  }

  async ofRun(runId: string): Promise<AgentTask | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM agent_tasks t WHERE t.tenant_id = :tenantId AND t.run_id = :runId`,
      { runId },
    );
    return rows[0] ? camelRow<AgentTask>(rows[0]) : null;
  }

  /** Runs that a run has asked for and that have not ended. */
  async openBelow(parentRunId: string): Promise<{ runId: string; sessionId: string }[]> {
    return this.db.sql<{ runId: string; sessionId: string }>(
      `SELECT t.run_id AS "runId", t.session_id AS "sessionId" FROM agent_tasks t
       JOIN runs r ON r.tenant_id = t.tenant_id AND r.id = t.run_id
       WHERE t.tenant_id = :tenantId AND t.parent_run_id = :parentRunId AND r.status IN ('queued', 'running', 'waiting')
       ORDER BY t.session_id`,
      { parentRunId },
    );
  }

  /** What the runs that a run has asked for took, so far as they have ended. */
  async spentBelow(parentRunId: string): Promise<Spent> {
    const [row] = await this.db.sql<Record<'tokens' | 'cost_micros' | 'active_ms', string>>(
      spentBelow(':parentRunId::uuid'),
      { parentRunId },
    );
    return {
      tokens: Number(row?.tokens ?? 0),
      costMicros: Number(row?.cost_micros ?? 0),
      activeMs: Number(row?.active_ms ?? 0),
    };
  }

  async findVisible(id: string): Promise<KnownAgentTask | null> {
    const rows = await this.db.sql<object>(
      `${KNOWN} WHERE t.tenant_id = :tenantId AND t.id = :id AND ${VISIBLE_SESSION}`,
      { id, ...visibilityParameters() },
    );
    return rows[0] ? camelRow<KnownAgentTask>(rows[0]) : null;
  }

  async list({ parentRunId, sessionId, agentId, status, before, limit }: TaskFilter): Promise<KnownAgentTask[]> {
    const rows = await this.db.sql<object>(
      `${KNOWN}
       WHERE t.tenant_id = :tenantId AND ${VISIBLE_SESSION}
         AND (:parentRunId::uuid IS NULL OR t.parent_run_id = :parentRunId)
         AND (:sessionId::uuid IS NULL OR t.parent_session_id = :sessionId OR t.session_id = :sessionId)
         AND (:agentId::uuid IS NULL OR t.to_agent_id = :agentId OR t.from_agent_id = :agentId)
         AND (:status::text IS NULL OR r.status = :status)
         AND (:before::uuid IS NULL OR t.id < :before::uuid)
       ORDER BY t.id DESC LIMIT :limit`,
      {
        ...{ parentRunId: parentRunId ?? null, sessionId: sessionId ?? null, agentId: agentId ?? null },
        ...{ status: status ?? null, before, limit, ...visibilityParameters() },
      },
    );
    return rows.map((row) => camelRow<KnownAgentTask>(row));
  }

  async messages(filter: { taskId?: string; before: string | null; limit: number }): Promise<AgentMessage[]> {
    const rows = await this.db.sql<object>(
      `SELECT m.id, m.task_id, m.type, m.content, m.is_error, m.created_at,
         CASE m.type WHEN 'request' THEN t.from_agent_id ELSE t.to_agent_id END AS from_agent_id,
         CASE m.type WHEN 'request' THEN t.to_agent_id ELSE t.from_agent_id END AS to_agent_id
       FROM agent_messages m
       JOIN agent_tasks t ON t.tenant_id = m.tenant_id AND t.id = m.task_id
       JOIN sessions s ON s.tenant_id = t.tenant_id AND s.id = t.session_id
       WHERE m.tenant_id = :tenantId AND ${VISIBLE_SESSION} AND (:taskId::uuid IS NULL OR m.task_id = :taskId)
         AND (:before::uuid IS NULL OR m.id < :before::uuid)
       ORDER BY m.id DESC LIMIT :limit`,
      { taskId: filter.taskId ?? null, before: filter.before, limit: filter.limit, ...visibilityParameters() },
    );
    return rows.map((row) => camelRow<AgentMessage>(row));
  }
}
