import type { ServerResponse } from 'node:http';
import { SSE_PING } from './sse-format.js';

/** A stream of server-sent events that belong to one answer: they have no `seq`, and are not replayed. */
export class PlainSse {
  private ping: NodeJS.Timeout | undefined;
  /** Until it has, an error can still be answered as JSON. */
  hasBegun = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly pingMs: number,
  ) {
    // A write that the client's leaving overtakes.
    response.on('error', () => undefined);
    response.once('close', () => clearInterval(this.ping));
  }

  send(type: string, data: object): void {
    if (!this.hasBegun) this.begin();
    // JSON escapes line ends, so that the data is always one line.
    this.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    clearInterval(this.ping);
    if (this.hasBegun && this.isOpen()) this.response.end();
  }

  private begin(): void {
    this.hasBegun = true;
    if (!this.isOpen()) return;
    this.response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    this.response.flushHeaders();
    this.ping = setInterval(() => this.write(SSE_PING), this.pingMs).unref();
  }

  private write(text: string): void {
    if (this.isOpen()) this.response.write(text);
  }

  private isOpen(): boolean {
    return !this.response.destroyed && !this.response.writableEnded;
  }
}
