/** What one model call needs and gives back, whatever the provider. */

export interface ModelUsage {
  /** Input tokens that were neither read from nor written to the cache. */
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  /** True when the provider's own final count never arrived and ours stands in for it. */
  estimated: boolean;
}

export interface ToolSpec {
  /** Already legal for every provider: `^[a-zA-Z0-9_-]{1,64}$`. */
  name: string;
  description: string;
  inputSchema: Record<string, unknown>;
}

/** A finished block of an assistant turn, kept whole so that it can be replayed to the provider. */
export type AssistantBlock =
  | { type: 'text'; text: string }
  | { type: 'thinking'; text: string; signature: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> };

export type UserBlock =
  { type: 'text'; text: string } | { type: 'tool_result'; toolUseId: string; content: string; isError: boolean };

export type ModelMessage = { role: 'user'; content: UserBlock[] } | { role: 'assistant'; content: AssistantBlock[] };

export interface ModelRequest {
  /** The provider's own name of the model, without a `provider:` prefix. */
  model: string;
  /** Stable first: a change in one invalidates the cached prefix of those after it. */
  system: string[];
  messages: ModelMessage[];
  /** State of the application around the conversation, as JSON: data that changes too often to be cached. */
  state?: string | null;
  /** Why the model is asked, where it is not to answer the conversation. */
  purpose?: 'summary';
  tools: ToolSpec[];
  /** Upper bound of tokens to generate; lowered to what the model can give. */
  maxOutputTokens: number;
  temperature: number | null;
  signal: AbortSignal;
  /**
   * Told what an attempt cost that the provider had begun to bill and that ends without `done` or `restart`: broken for
   * good, aborted, or left by its reader. Called at most once.
   */
  onUnfinished?: (usage: ModelUsage) => void;
}

export type StopReason =
  'end_turn' | 'tool_use' | 'max_tokens' | 'stop_sequence' | 'pause_turn' | 'refusal' | 'context_exceeded';

export type ModelEvent =
  | { type: 'text'; text: string }
  | { type: 'thinking'; text: string }
  /** A block is complete; blocks come in their order. */
  | { type: 'block'; block: AssistantBlock }
  | { type: 'done'; stopReason: StopReason; usage: ModelUsage }
  /**
   * What was streamed since the beginning is void: another attempt, perhaps by another model, begins. `model` is the one
   * that answers from here on; `usage` is what the void attempt cost, at the price of the model that made it.
   */
  | { type: 'restart'; reason: string; model: string; usage: ModelUsage };

/** One provider. `stream` throws DomainError subclasses only, or the signal's reason when aborted. */
export interface ModelClient {
  readonly provider: string;
  stream(request: ModelRequest): AsyncIterable<ModelEvent>;
}
