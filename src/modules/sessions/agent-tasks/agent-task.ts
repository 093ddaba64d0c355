import type { RunStatus } from '../runs/run.js';

/** One agent asked by another: a run of its own, in a session of its own. */
export interface AgentTask {
  id: string;
  parentRunId: string;
  parentSessionId: string;
  toolCallId: string;
  toolUseId: string;
  /** Null: the session that asked had no agent. */
  fromAgentId: string | null;
  toAgentId: string;
  sessionId: string;
  runId: string;
  createdAt: Date;
}

/** With what has become of it. */
export interface KnownAgentTask extends AgentTask {
  status: RunStatus;
  message: string;
  output: string | null;
  error: { code: string; message: string } | null;
  finishedAt: Date | null;
}

export interface AgentMessage {
  id: string;
  taskId: string;
  type: 'request' | 'reply';
  fromAgentId: string | null;
  toAgentId: string | null;
  content: string;
  isError: boolean;
  createdAt: Date;
}
