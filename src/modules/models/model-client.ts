/** What one model call needs and gives back, whatever the provider. */

import type { Passage, Quote } from '../../contracts/passage.js';
import type { PdfFault } from '../../platform/documents/pdf-reader.js';
import type { SniffedType } from '../../platform/documents/sniffed-type.js';
import type { CitationClaim } from './quotes.js';

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
  | { type: 'text'; text: string }
  | {
      type: 'tool_result';
      toolUseId: string;
      content: string;
      isError: boolean;
      /** What an answer may cite of it; `content` says the same in plain text. */
      passages?: readonly Passage[];
    }
  /** Given along with a question, for the answer to be taken from and to cite. */
  | { type: 'passages'; passages: readonly Passage[] }
  | FileBlock;

/** A file that a person sent along. A conversation holds no bytes: who sends them on reads them. */
export interface FileBlock {
  type: 'image' | 'document';
  id: string;
  name: string;
  mediaType: SniffedType;
  sizeBytes: number;
  /** Of an image, in pixels. */
  width: number | null;
  height: number | null;
  /** Of a PDF. */
  pages: number | null;
  /** Why there is nothing to send. */
  fault: PdfFault | 'deleted' | null;
  /** Roughly what it takes of a prompt. */
  tokens: number;
  /** Null: it was deleted meanwhile. */
  read: () => Promise<Buffer | null>;
}

/**
 * What one request may hold of files for every provider we know; a message with more is refused, older messages' files
 * give way. Anthropic: 5 MiB an image in base64, 32 MB a request, 100 pages of PDFs, images of up to 8,000 pixels a side
 * as long as there are no more than 20.
 */
export const FILE_LIMITS = { imageBytes: 3_932_160, bytes: 20_000_000, images: 20, pages: 100 } as const;

export type ModelMessage =
  | {
      role: 'user';
      content: UserBlock[];
      /** Not a person's words, but ours about the answer before: belongs to the exchange that is under way. */
      isFollowUp?: true;
    }
  | { role: 'assistant'; content: AssistantBlock[] };

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
  /** JSON Schema of the answer, which the prompt tells in words; for clients that can do more about it. */
  outputSchema?: Record<string, unknown> | null;
  signal: AbortSignal;
  /**
   * Told what an attempt cost that the provider had begun to bill and that ends without `done` or `restart`: broken for
   * good, aborted, or left by its reader. Called at most once.
   */
  onUnfinished?: (usage: ModelUsage) => void;
}

export type StopReason =
  'end_turn' | 'tool_use' | 'max_tokens' | 'stop_sequence' | 'pause_turn' | 'refusal' | 'context_exceeded';

type StreamEvent =
  | { type: 'text'; text: string }
  | { type: 'thinking'; text: string }
  | { type: 'done'; stopReason: StopReason; usage: ModelUsage }
  /**
   * What was streamed since the beginning is void: another attempt, perhaps by another model, begins. `model` is the one
   * that answers from here on; `usage` is what the void attempt cost, at the price of the model that made it.
   */
  | { type: 'restart'; reason: string; model: string; usage: ModelUsage };

/** A block is complete; blocks come in their order. `citations`: what its text is taken from, which stands there. */
export type ModelEvent = StreamEvent | { type: 'block'; block: AssistantBlock; citations?: Quote[] };

/** As providers say it: nobody has looked yet whether what they cite stands there. */
export type ClientEvent = StreamEvent | { type: 'block'; block: AssistantBlock; claims?: CitationClaim[] };

/** One provider. `stream` throws DomainError subclasses only, or the signal's reason when aborted. */
export interface ModelClient {
  readonly provider: string;
  stream(request: ModelRequest): AsyncIterable<ClientEvent>;
}
