import type { IncomingMessage } from 'node:http';

const MAX_BYTES = 32 * 1024 * 1024;
const MAX_MS = 10_000;

/**
 * Throws away what is still coming of a request that is answered already. Closing instead would reset the connection
 * while the client is sending, and it would never see the answer; beyond a bound it is closed all the same. `done` is
 * called when nothing more comes.
 */
export function discardBody(request: IncomingMessage, done: () => void = () => undefined): void {
  if (request.complete || request.destroyed) {
    done();
    return;
  }
  let left = MAX_BYTES;
  const close = () => request.socket.destroy();
  const timer = setTimeout(close, MAX_MS).unref();
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) close();
  });
  request.on('error', close);
  request.once('end', done);
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
