import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';
import { RUN_STATUSES, type RunStatus } from '../runs/run.js';
import { RunErrorDto } from '../runs/runs.dto.js';
import type { AgentMessage, KnownAgentTask } from './agent-task.js';

export class ListAgentTasksQuery extends PageQuery {
  /** Asked for by this run. */
  @IsOptional()
  @IsUUID('all')
  runId?: string;

  /** Asked for in this session, or carried out in it. */
  @IsOptional()
  @IsUUID('all')
  sessionId?: string;

  /** Asked by this agent, or of it. */
  @IsOptional()
  @IsUUID('all')
  agentId?: string;

  @IsOptional()
  @IsIn(RUN_STATUSES)
  status?: RunStatus;
}

export class ListAgentMessagesQuery extends PageQuery {
  @IsOptional()
  @IsUUID('all')
  taskId?: string;
}

export class AgentTaskDto {
  id: string;
  /** Null: the session that asked had no agent. */
  fromAgentId: string | null;
  toAgentId: string;
  parentRunId: string;
  parentSessionId: string;
  toolUseId: string;
  /** Where it is carried out. */
  sessionId: string;
  runId: string;
  status: RunStatus;
  message: string;
  output: string | null;
  error: RunErrorDto | null;
  /** ISO 8601, UTC. */
  createdAt: string;
  finishedAt: string | null;
}

export class AgentTaskPage extends pageOf(AgentTaskDto) {}

export class AgentMessageDto {
  id: string;
  taskId: string;
  type: 'request' | 'reply';
  fromAgentId: string | null;
  toAgentId: string | null;
  content: string;
  isError: boolean;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class AgentMessagePage extends pageOf(AgentMessageDto) {}

export function shownTask({ toolCallId: _toolCallId, createdAt, finishedAt, ...task }: KnownAgentTask): AgentTaskDto {
  return { ...task, createdAt: createdAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null };
}

export function shownAgentMessage({ createdAt, ...message }: AgentMessage): AgentMessageDto {
  return { ...message, createdAt: createdAt.toISOString() };
}
