import type { ContentBlock } from '@modelcontextprotocol/sdk/types.js';

export type ToolSourceName = 'builtin' | 'mcp' | 'client' | 'agent';

/** A tool as an agent can be given it, whatever stands behind it. */
export interface ToolDefinition {
  /** `server:tool`. */
  readonly name: string;
  readonly description: string;
  /** JSON Schema of its input; an object's. */
  readonly inputSchema: Record<string, unknown>;
  /** False: a call that may have happened is never repeated by us. */
  readonly idempotent: boolean;
  readonly source: ToolSourceName;
  /** The id of the server's row, or the name of a server that has none. */
  readonly serverId: string;
  /** For one call, progress not counted; null: the executor's own. */
  readonly timeoutMs: number | null;
  /** It is not what the tenant agreed to any more, so that a person has to be asked before it is used. */
  readonly needsConsent?: boolean;
  /** No tool of its server's, but in the place of them all while nobody knows them: whoever names one is given this. */
  readonly standsForAll?: boolean;
}

/** As MCP gives it. An error is an answer too, which the model may act on. */
export interface ToolResult {
  readonly isError: boolean;
  readonly content: readonly ContentBlock[];
  readonly structuredContent?: Record<string, unknown>;
}

export interface ToolProgress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** What a call is for. The person behind it is the scope's actor. */
export interface ToolCallContext {
  readonly executionId: string;
  readonly sessionId: string | null;
  readonly runId: string | null;
  readonly toolUseId: string | null;
  /** Aborted when nobody wants the result any more, or the time is up. */
  readonly signal: AbortSignal;
  /** Told anything, the executor gives the call its whole time anew. */
  readonly onProgress?: (progress: ToolProgress) => void;
}

/** Why a call has no result yet: it waits outside of any process. */
export type Suspension =
  | { readonly kind: 'client' }
  | { readonly kind: 'agent'; readonly agentId: string; readonly message: string }
  /** The person has to connect their account with the server first. */
  | { readonly kind: 'connect'; readonly serverId: string; readonly serverName: string };

export type ToolOutcome =
  { readonly status: 'done'; readonly result: ToolResult } | { readonly status: 'suspended'; readonly on: Suspension };

/** A tool together with the way to call it. */
export interface OfferedTool {
  readonly definition: ToolDefinition;
  /** `input` has passed the tool's schema. @throws what went wrong where that was not the tool's own answer */
  call(input: Record<string, unknown>, context: ToolCallContext): Promise<ToolOutcome>;
}

/** What a caller of tools brings along. */
export interface ToolScope {
  readonly clientTools: readonly ClientTool[];
  /** Whose documents it may search; none: those of all that the person behind the call may read. */
  readonly collectionIds: readonly string[];
}

/** A tool that the session's own application carries out. */
export interface ClientTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Record<string, unknown>;
}

export interface ServerOffer {
  readonly server: string;
  readonly tools: readonly OfferedTool[];
  /** Why there are none, or fewer, at present: a sentence for the model and for people. */
  readonly unavailable: string | null;
  /** What was thrown, where it could not be asked for them. */
  readonly failure?: unknown;
  /** Tools of its, by `server:tool`, that are not given to anybody at present; `all` where the server is switched off. */
  readonly disabled?: ReadonlySet<string> | 'all';
}

/** A tool as the tenant's people see it. */
export interface ListedTool {
  readonly definition: ToolDefinition;
  /** Its definition is another than the one that was agreed to. */
  readonly changed: boolean;
}

/** Servers of tools that are the tenant's, or the session's. */
export interface ToolSource {
  /** Names (`server:tool`) known of these servers, without connecting to any; of servers it does not know, none. */
  namesOf(servers: ReadonlySet<string>): Promise<ReadonlySet<string>>;
  /** What a run may be given of those it knows among these servers; may connect, but briefly. */
  offer(servers: ReadonlySet<string>, scope: ToolScope): Promise<readonly ServerOffer[]>;
  /** The name of a server of the tenant's by its id. */
  serverName(id: string): Promise<string | null>;
  /** All that is known, without connecting. */
  list(): Promise<readonly ListedTool[]>;
  /** A person agrees to what the tool has become. Called in the open transaction. */
  approve(name: string): Promise<void>;
}

/** A server in this process; its tools' names are bare here. */
export interface ToolServer {
  readonly name: string;
  readonly tools: readonly BuiltinTool[];
}

export interface BuiltinTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Record<string, unknown>;
  readonly idempotent: boolean;
  readonly timeoutMs?: number;
  call(input: Record<string, unknown>, context: ToolCallContext): Promise<ToolResult>;
}

/** Bare name of what stands for the tools of a server until the person has connected their account with it. */
export const CONNECT = 'connect';

export function textResult(text: string, isError = false): ToolResult {
  return { isError, content: [{ type: 'text', text }] };
}

/** Of `server:tool`. */
export function serverOf(name: string): string {
  return name.slice(0, Math.max(0, name.indexOf(':')));
}

/** Of `server:tool`, whose own name may hold colons. */
export function bareName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
