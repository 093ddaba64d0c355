import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagesRequest } from './messages-api.js';
import type { Step, StreamReply } from './reply.js';
import { citationOf } from './search-citation.js';
import type { Signatures } from './signatures.js';

const CHARACTERS_PER_TOKEN = 4;

/** Writes one scripted answer as the server-sent events of the Messages API. */
export class StreamWriter {
  private index = 0;
  private usedTool = false;
  private written = 0;
  private readonly response: ServerResponse;
  private readonly request: MessagesRequest;
  private readonly signatures: Signatures;

  constructor(response: ServerResponse, request: MessagesRequest, signatures: Signatures) {
    this.response = response;
    this.request = request;
    this.signatures = signatures;
  }

  async write(reply: StreamReply): Promise<void> {
    const usage = {
      input_tokens: reply.usage?.inputTokens ?? Math.ceil(JSON.stringify(this.request).length / CHARACTERS_PER_TOKEN),
      cache_creation_input_tokens: reply.usage?.cacheWriteTokens ?? 0,
      cache_read_input_tokens: reply.usage?.cacheReadTokens ?? 0,
    };
    this.start(usage);
    for (const step of reply.steps) {
      if (this.response.destroyed) return;
      if (await this.step(step)) return;
    }
    const outputTokens = reply.usage?.outputTokens ?? Math.max(1, Math.ceil(this.written / CHARACTERS_PER_TOKEN));
    this.event('message_delta', {
      delta: { stop_reason: reply.stopReason ?? (this.usedTool ? 'tool_use' : 'end_turn'), stop_sequence: null },
      usage: { ...usage, output_tokens: outputTokens },
    });
    this.event('message_stop', {});
    this.response.end();
  }

  private start(usage: Record<string, number>): void {
    this.event('message_start', {
      message: {
        id: `msg_${randomUUID().replaceAll('-', '')}`,
        type: 'message',
        role: 'assistant',
        model: this.request.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: {
          ...usage,
          cache_creation: {
            ephemeral_5m_input_tokens: usage['cache_creation_input_tokens'],
            ephemeral_1h_input_tokens: 0,
          },
          output_tokens: 1,
          service_tier: 'standard',
        },
      },
    });
  }

  /** True when the answer ends with this step. */
  private async step(step: Step): Promise<boolean> {
    if ('cites' in step) this.cited(step);
    else if ('text' in step) this.block({ type: 'text', text: '' }, textDeltas(step.text));
    else if ('thinking' in step) this.thinking(step.thinking ?? '');
    else if ('redactedThinking' in step) {
      const data = this.signatures.issue(step.redactedThinking, this.request);
      this.block({ type: 'redacted_thinking', data }, []);
    } else if ('toolUse' in step) this.toolUse(step.toolUse);
    else if ('pauseMs' in step) await sleep(step.pauseMs, undefined, { ref: false });
    else if ('ping' in step) this.event('ping', {});
    else if ('event' in step) this.raw(`event: ${step.event}\ndata: ${JSON.stringify(step.data)}\n\n`);
    else if ('raw' in step) this.raw(step.raw);
    else return this.ending(step);
    return false;
  }

  private ending(step: Step): boolean {
    if ('error' in step) {
      this.event('error', { error: { type: step.error, message: step.message } });
      this.response.end();
    } else if ('end' in step) this.response.end();
    // What was written before goes out first.
    else if ('cut' in step) setImmediate(() => this.response.destroy());
    return true;
  }

  private cited({ text, cites, says = {} }: Extract<Step, { cites: unknown }>): void {
    const citations = (Array.isArray(cites) ? cites : [cites]).map((words) => ({
      type: 'citations_delta',
      citation: { ...citationOf(words, this.request), ...says },
    }));
    const [first, ...rest] = textDeltas(text);
    this.block({ type: 'text', text: '', citations: [] }, [...(first ? [first] : []), ...citations, ...rest]);
  }

  private thinking(text: string): void {
    const signature = this.signatures.issue(text, this.request);
    const deltas =
      text === '' ? [] : (text.match(/\S+\s*/g) ?? []).map((thinking) => ({ type: 'thinking_delta', thinking }));
    this.block({ type: 'thinking', thinking: '', signature: '' }, [...deltas, { type: 'signature_delta', signature }]);
  }

  private toolUse({
    name,
    input = {},
    id,
    json = JSON.stringify(input),
  }: Extract<Step, { toolUse: unknown }>['toolUse']): void {
    this.usedTool = true;
    const deltas = ['', ...(json.match(/[^]{1,12}/g) ?? [])].map((partial_json) => ({
      type: 'input_json_delta',
      partial_json,
    }));
    this.block({ type: 'tool_use', id: id ?? `toolu_${randomUUID().replaceAll('-', '')}`, name, input: {} }, deltas);
  }

  private block(content_block: Record<string, unknown>, deltas: Record<string, unknown>[]): void {
    const index = this.index++;
    this.event('content_block_start', { index, content_block });
    if (index === 0) this.event('ping', {});
    for (const delta of deltas) {
      this.written += String(Object.values(delta)[1]).length;
      this.event('content_block_delta', { index, delta });
    }
    this.event('content_block_stop', { index });
  }

  private event(type: string, data: Record<string, unknown>): void {
    this.raw(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  }

  private raw(text: string): void {
    if (!this.response.writableEnded) this.response.write(text);
  }
}

function textDeltas(text: string | string[]): Record<string, unknown>[] {
  return (Array.isArray(text) ? text : [text]).map((piece) => ({ type: 'text_delta', text: piece }));
}
