import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { now } from './clock.ts';
import { INPUT } from './tools-task.ts';

/** What the model does in one conversation. */
interface Part {
  /** The tool's name, as the model knows it. */
  tool: string;
  /** Answers still to come that ask for it. */
  turns: number;
  /** Calls in each of them. */
  width: number;
  /** What is done before each of them. */
  before: () => Promise<void>;
  /** From each of its answers to the next request, in ms. */
  steps: number[];
  answeredAt: number;
}

const USAGE = { input_tokens: 50, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 };
const MESSAGE = { id: 'msg_bench', type: 'message', role: 'assistant', model: 'bench', content: [], stop_reason: null };
const NAMED = /conversation <(\d+)>/;

const event = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

/** The model's side: asks for a tool as often as the conversation is to have it, then ends. All it says comes at once. */
export class ToolModel {
  private readonly parts = new Map<string, Part>();
  private asked = 0;

  /** Its address. */
  listen(): Promise<string> {
    const server = createServer((request, response) => {
      const at = now();
      this.answer(request, response, at).catch((error: unknown) => response.destroy(error as Error));
    });
    server.keepAliveTimeout = 600_000;
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    });
  }

  /** What the user has to say to have it so. */
  plan(part: Omit<Part, 'steps' | 'answeredAt'>): { content: string; part: Part } {
    const key = String(this.parts.size);
    const planned = { ...part, steps: [], answeredAt: NaN };
    this.parts.set(key, planned);
    return { content: `conversation <${key}>`, part: planned };
  }

  private async answer(request: IncomingMessage, response: ServerResponse, at: number): Promise<void> {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const part = this.parts.get(NAMED.exec(Buffer.concat(body).toString('latin1'))?.[1] ?? '');
    if (!part) throw new Error('The model was asked something that nobody planned');
    if (!Number.isNaN(part.answeredAt)) part.steps.push(at - part.answeredAt);
    const isOver = part.turns === 0;
    if (!isOver) {
      part.turns--;
      await part.before();
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    response.end(
      isOver ? said([textBlock()]) : said(Array.from({ length: part.width }, () => this.toolUse(part.tool))),
    );
    part.answeredAt = now();
  }

  private toolUse(name: string): Block {
    const id = `toolu_bench_${this.asked++}`;
    const delta = { type: 'input_json_delta', partial_json: JSON.stringify(INPUT) };
    return { start: { type: 'tool_use', id, name, input: {} }, delta, stop: 'tool_use' };
  }
}

interface Block {
  start: object;
  delta: object;
  stop: 'tool_use' | 'end_turn';
}

function textBlock(): Block {
  return { start: { type: 'text', text: '' }, delta: { type: 'text_delta', text: 'That is it.' }, stop: 'end_turn' };
}

function said(blocks: Block[]): string {
  return [
    event('message_start', { message: { ...MESSAGE, stop_sequence: null, usage: USAGE } }),
    ...blocks.flatMap(({ start, delta }, index) => [
      event('content_block_start', { index, content_block: start }),
      event('content_block_delta', { index, delta }),
      event('content_block_stop', { index }),
    ]),
    event('message_delta', { delta: { stop_reason: blocks[0]?.stop, stop_sequence: null }, usage: USAGE }),
    event('message_stop', {}),
  ].join('');
}
