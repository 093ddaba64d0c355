import type { PermissionPolicy } from '../../contracts/permission-policy.js';

/** What an agent is, but its name: kept whole per version, pinned by runs. */
export interface AgentDefinition {
  description: string;
  systemPrompt: string;
  /** `name` or `provider:name`; null takes the installation's default. */
  model: string | null;
  fallbackModels: string[];
  temperature: number | null;
  capabilities: string[];
  tools: string[];
  permissionPolicy: PermissionPolicy | null;
  collectionIds: string[];
  outputSchema: Record<string, unknown> | null;
  resourceLimits: ResourceLimits;
  metadata: Record<string, unknown>;
}

/** Bounds of one run; null means none. */
export interface ResourceLimits {
  /** Input, output, cache reads and cache writes together. */
  maxTokens: number | null;
  /** Model calls. */
  maxTurns: number | null;
  /** Time a worker is at it; waits for people do not count. */
  maxExecutionTimeMs: number | null;
  maxCostMicros: number | null;
}

export const DEFAULT_LIMITS: ResourceLimits = {
  maxTokens: 100_000,
  maxTurns: 25,
  maxExecutionTimeMs: 300_000,
  maxCostMicros: null,
};

export const DEFAULT_DEFINITION: AgentDefinition = {
  description: '',
  systemPrompt: '',
  model: null,
  fallbackModels: [],
  temperature: null,
  capabilities: [],
  tools: [],
  permissionPolicy: null,
  collectionIds: [],
  outputSchema: null,
  resourceLimits: DEFAULT_LIMITS,
  metadata: {},
};
