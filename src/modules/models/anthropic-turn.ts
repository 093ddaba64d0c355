import type Anthropic from '@anthropic-ai/sdk';
import { toClaim } from './anthropic-passages.js';
import type { AssistantBlock, ClientEvent, ModelUsage, StopReason } from './model-client.js';
import type { CitationClaim } from './quotes.js';
import { estimateTokens } from './token-estimate.js';

const STOP_REASONS: Record<string, StopReason> = {
  end_turn: 'end_turn',
  tool_use: 'tool_use',
  max_tokens: 'max_tokens',
  stop_sequence: 'stop_sequence',
  pause_turn: 'pause_turn',
  refusal: 'refusal',
  model_context_window_exceeded: 'context_exceeded',
};

type Usage = Partial<
  Record<'input_tokens' | 'output_tokens' | 'cache_read_input_tokens' | 'cache_creation_input_tokens', number | null>
>;

/** A block under way; `other` is of a kind we did not ask for and leave out. */
type OpenBlock =
  | { type: 'text'; text: string; claims: CitationClaim[] }
  | { type: 'thinking'; text: string; signature: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'tool_use'; id: string; name: string; json: string }
  | { type: 'other' };

/** Puts one streamed answer of the Messages API together, event by event. */
export class AnthropicTurn {
  /** The provider has begun to bill this call. */
  started = false;
  /** The answer is complete. */
  finished = false;
  private readonly open = new Map<number, OpenBlock>();
  private readonly counted: ModelUsage = {
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    estimated: false,
  };
  private stopReason: string | null = null;
  private usedTools = false;
  private received = '';

  /** `sources`: the search results of the request, in order. */
  constructor(private readonly sources: readonly string[] = []) {}

  /** @throws Error on an event that contradicts the protocol; types of events and deltas not known are skipped. */
  accept(event: Anthropic.RawMessageStreamEvent): ClientEvent[] {
    switch (event.type) {
      case 'message_start':
        this.started = true;
        this.count(event.message.usage);
        return [];
      case 'content_block_start':
        this.open.set(event.index, openBlock(event.content_block));
        return [];
      case 'content_block_delta':
        return this.delta(event.index, event.delta);
      case 'content_block_stop':
        return this.close(event.index);
      case 'message_delta':
        this.stopReason = event.delta.stop_reason ?? this.stopReason;
        this.count(event.usage);
        return [];
      case 'message_stop':
        this.finished = true;
        return [];
      default:
        return [];
    }
  }

  done(): ClientEvent {
    const fallback: StopReason = this.usedTools ? 'tool_use' : 'end_turn';
    return { type: 'done', stopReason: STOP_REASONS[this.stopReason ?? ''] ?? fallback, usage: { ...this.counted } };
  }

  /** What a call that broke off has cost: the provider's count of the input, and ours of the output. */
  settled(): ModelUsage {
    const outputTokens = Math.max(this.counted.outputTokens, estimateTokens(this.received));
    return { ...this.counted, outputTokens, estimated: true };
  }

  /** Counts are cumulative, and a later event leaves out or nulls what it does not repeat. */
  private count(usage: Usage): void {
    this.counted.inputTokens = usage.input_tokens ?? this.counted.inputTokens;
    this.counted.outputTokens = usage.output_tokens ?? this.counted.outputTokens;
    this.counted.cacheReadTokens = usage.cache_read_input_tokens ?? this.counted.cacheReadTokens;
    this.counted.cacheWriteTokens = usage.cache_creation_input_tokens ?? this.counted.cacheWriteTokens;
  }

  private delta(index: number, delta: Anthropic.RawContentBlockDelta): ClientEvent[] {
    const block = this.block(index);
    if (delta.type === 'text_delta' && block.type === 'text') {
      block.text += this.take(delta.text);
      return delta.text === '' ? [] : [{ type: 'text', text: delta.text }];
    }
    if (delta.type === 'thinking_delta' && block.type === 'thinking') {
      block.text += this.take(delta.thinking);
      return delta.thinking === '' ? [] : [{ type: 'thinking', text: delta.thinking }];
    }
    if (delta.type === 'citations_delta' && block.type === 'text') {
      block.claims.push(...toClaim(delta.citation, this.sources));
    }
    if (delta.type === 'signature_delta' && block.type === 'thinking') block.signature += delta.signature;
    if (delta.type === 'input_json_delta' && block.type === 'tool_use') block.json += this.take(delta.partial_json);
    return [];
  }

  private close(index: number): ClientEvent[] {
    const block = this.block(index);
    this.open.delete(index);
    if (block.type === 'other') return [];
    if (block.type === 'tool_use') this.usedTools = true;
    if (block.type !== 'text') return [{ type: 'block', block: finished(block) }];
    const { claims, ...said } = block;
    return [{ type: 'block', block: said, ...(claims.length > 0 && { claims }) }];
  }

  private block(index: number): OpenBlock {
    const block = this.open.get(index);
    if (!block) throw new Error(`no block ${String(index)} is open`);
    return block;
  }

  private take(text: string): string {
    if (typeof text !== 'string') throw new Error('a delta has no text');
    this.received += text;
    return text;
  }
}

function openBlock(block: Anthropic.RawContentBlockStartEvent['content_block']): OpenBlock {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: given(block.text, 'text block'), claims: [] };
    case 'thinking':
      return { type: 'thinking', text: given(block.thinking, 'thinking block'), signature: block.signature };
    case 'redacted_thinking':
      return { type: 'redacted_thinking', data: given(block.data, 'redacted block') };
    case 'tool_use':
      return { type: 'tool_use', id: given(block.id, 'tool call'), name: given(block.name, 'tool call'), json: '' };
    default:
      return { type: 'other' };
  }
}

/** What the protocol promises, and a broken provider or proxy may leave out. */
function given(text: string | undefined, of: string): string {
  if (typeof text !== 'string') throw new Error(`a ${of} lacks a part`);
  return text;
}

function finished(block: Exclude<OpenBlock, { type: 'other' | 'text' }>): AssistantBlock {
  if (block.type !== 'tool_use') return block;
  return { type: 'tool_use', id: block.id, name: block.name, input: parseInput(block.json) };
}

/** Input that is no JSON object becomes an empty one: the tool's own schema then tells the model what is missing. */
function parseInput(json: string): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(json);
    return typeof input === 'object' && input !== null && !Array.isArray(input)
      ? (input as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}
