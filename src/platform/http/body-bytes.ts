import type { IncomingMessage } from 'node:http';
import { assertNotEncoded, cutOff, tooLarge } from './body-refusals.js';

/**
 * The body of a request as it comes in. Whoever stops listening leaves the connection as it is, so that the client sees the answer.
 * @throws DomainError 413 for what is said to be too large, 415 for what is encoded; BadRequest when it is cut off
 */
export function bodyBytes(request: IncomingMessage, limitBytes: number): AsyncGenerator<Uint8Array> {
  assertNotEncoded(request.headers);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge('The body', limitBytes);
  return chunksOf(request);
}

async function* chunksOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
  } catch {
    throw cutOff();
  }
  if (!request.complete) throw cutOff();
}
