import type { RunEnvelope } from '../../../contracts/live-events.js';
import type { PermissionPolicy } from '../../../contracts/permission-policy.js';
import type { ClientTool } from '../../tools/tool.js';
import type { ResourceLimits } from '../../agents/agent-definition.js';
import type { UsageColumns } from '../usage.js';

export const RUN_STATUSES = ['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
export type RunTrigger = 'message' | 'execute' | 'regenerate' | 'agent';

/** Why a run failed: the API's error codes and those of the run loop. */
export interface RunError {
  code: string;
  message: string;
}

/** What a run goes by until its end, whatever becomes of its agent, session and tenant meanwhile. */
export interface PinnedRun {
  systemPrompt: string;
  fallbackModels: string[];
  temperature: number | null;
  /** `server:tool` or `server:*`. */
  tools: string[];
  /** What the session's own application can do; absent in runs of releases that knew none. */
  clientTools?: ClientTool[];
  /** Those that `rag:search` looks into; absent as above. */
  collectionIds?: string[];
  /** Names of tools that the tenant's agents are not given; absent as above. */
  disabledTools?: string[];
  /** The tenant's, the agent's and the session's. */
  policies: PermissionPolicy[];
  limits: ResourceLimits;
  /** Absent where a person asked. */
  delegated?: Delegated;
  /** JSON Schema that the answer is held against; absent in runs of releases that knew none. */
  outputSchema?: Record<string, unknown> | null;
}

/** What a run that another asked for is bound to. */
export interface Delegated {
  /** What the other may still take. */
  limits: ResourceLimits;
  /** Where a person began what came to this. */
  rootSessionId: string;
  /** Ids of the agents that are asked at present, from the first to this one. */
  line: string[];
}

export interface Run extends UsageColumns {
  tenantId: string;
  id: string;
  sessionId: string;
  agentId: string | null;
  agentVersion: number | null;
  messageId: string;
  createdBy: string | null;
  trigger: RunTrigger;
  model: string;
  status: RunStatus;
  error: RunError | null;
  cancelRequestedAt: Date | null;
  pauseRequestedAt: Date | null;
  activeMs: number;
  lastSeq: number;
  openMessageId: string | null;
  attempts: number;
  fence: number;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

/** As it was just stored, with the events that tell so. */
export interface BegunRun extends Run {
  begun: RunEnvelope[];
  /** This process works on it. */
  isHere: boolean;
}

/** With what it goes by, which may be long and only its holder needs. */
export interface WholeRun extends Run {
  pinned: PinnedRun;
}

export function hasEnded(status: RunStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** Where a person began what came to this run. */
export function rootSessionOf({ sessionId, pinned }: Pick<WholeRun, 'sessionId' | 'pinned'>): string {
  return pinned.delegated?.rootSessionId ?? sessionId;
}
