import type { Citation, Quote } from '../../../contracts/passage.js';
import type { SniffedType } from '../../../platform/documents/sniffed-type.js';
import type { UsageDto } from '../usage.dto.js';

/** A block as it is stored: an assistant's carry what the provider needs back. */
export type StoredBlock =
  /** `citations`: what it is taken from, until its run has ended; then the message has them. */
  | { type: 'text'; text: string; turn?: number; citations?: Quote[] }
  /** A file that a user sent; it may be gone by now. */
  | { type: 'image' | 'document'; fileId: string; name: string; mimeType: SniffedType; turn?: undefined }
  | { type: 'thinking'; text: string; signature: string; turn: number }
  | { type: 'redacted_thinking'; data: string; turn: number }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown>; turn: number };

export type StoredFileBlock = Extract<StoredBlock, { type: 'image' | 'document' }>;

/** A tool call as its message keeps it. */
export interface MessageToolCall {
  /** The model's `tool_use` id. */
  id: string;
  name: string;
  input: Record<string, unknown>;
  status: ToolCallStatus;
  isError: boolean | null;
  output: string | null;
  /** The output goes on, at `outputUrl`. */
  truncated?: boolean;
  outputUrl?: string;
  /** What the result consists of besides its text. */
  files?: StoredFileBlock[];
  durationMs: number | null;
  turn: number;
}

export type ToolCallStatus = 'pending' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';

export interface Message {
  tenantId: string;
  id: string;
  sessionId: string;
  runId: string | null;
  position: number;
  role: 'user' | 'assistant' | 'system' | 'tool';
  /** The plain text of `blocks`. */
  content: string;
  blocks: StoredBlock[];
  toolCalls: MessageToolCall[];
  citations: Citation[];
  model: string | null;
  parentMessageId: string | null;
  usage: UsageDto | null;
  feedback: { rating: 1 | -1; comment: string | null } | null;
  metadata: Record<string, unknown>;
  /** How many messages a summary stands for; null for all others. */
  summarizes: number | null;
  createdAt: Date;
  updatedAt: Date;
}

export function textOf(blocks: readonly StoredBlock[]): string {
  return blocks.map((block) => (block.type === 'text' ? block.text : '')).join('');
}

export function isFile(block: StoredBlock): block is StoredFileBlock {
  return block.type === 'image' || block.type === 'document';
}
