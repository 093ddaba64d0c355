import type { ToolResult } from './tool.js';

/** A call as hooks are told of it. */
export interface HookedCall {
  readonly executionId: string;
  readonly runId: string | null;
  readonly sessionId: string | null;
  /** `server:tool`. */
  readonly tool: string;
  readonly input: Record<string, unknown>;
}

export type HookVerdict =
  | { readonly decision: 'go'; readonly input: Record<string, unknown> }
  | { readonly decision: 'deny'; readonly reason: string };

/** Who has a say before and after each call of a tool. */
export interface ToolHooks {
  before(call: HookedCall, signal: AbortSignal): Promise<HookVerdict>;
  /** Whether `after` would call anybody. */
  hasAfter(tool: string): Promise<boolean>;
  after(call: HookedCall, result: Pick<ToolResult, 'isError'> & { readonly output: string }): Promise<void>;
}
