/**
 * The model's side as a process of its own: streams Messages API answers of 40 deltas. A conversation about `PACED` gets
 * the first after 20 ms and the others 5 ms apart, any other gets all of them at once. The last delta's text ends with
 * the time it was sent at, so that a client on the same machine can tell how long after it a stream ended.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { now, stampOf, PACED } from './clock.ts';

const DELTAS = 40;
const FIRST_MS = 20;
const STEP_MS = 5;
const USAGE = { input_tokens: 50, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };

const event = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const delta = (text: string): string => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });

const MESSAGE = { id: 'msg_bench', type: 'message', role: 'assistant', model: 'bench', content: [], stop_reason: null };
const HEAD =
  event('message_start', { message: { ...MESSAGE, stop_sequence: null, usage: { ...USAGE, output_tokens: 1 } } }) +
  event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
const DELTA = delta('seven words are in this one delta ');
const TAIL =
  event('content_block_stop', { index: 0 }) +
  event('message_delta', {
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { ...USAGE, output_tokens: 8 * DELTAS },
  }) +
  event('message_stop', {});

const lastDelta = (): string => delta(stampOf(now()));

async function paced(response: ServerResponse): Promise<void> {
  const start = now();
  response.write(HEAD);
  for (let i = 0; i < DELTAS; i++) {
    // By the clock, so that late timers do not add up.
    const wait = start + FIRST_MS + i * STEP_MS - now();
    if (wait > 0) await sleep(wait);
    if (response.destroyed) return;
    if (i < DELTAS - 1) response.write(DELTA);
  }
  response.end(lastDelta() + TAIL);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body: Buffer[] = [];
  for await (const chunk of request) body.push(chunk as Buffer);
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  if (Buffer.concat(body).includes(PACED)) await paced(response);
  else response.end(HEAD + DELTA.repeat(DELTAS - 1) + lastDelta() + TAIL);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => response.destroy(error as Error));
});
// Clients keep their connections over a pause between two parts.
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  process.send?.({ ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on('disconnect', () => process.exit(0));
