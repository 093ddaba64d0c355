import type { ServerResponse } from 'node:http';
import type { Envelope } from '../../contracts/live-events.js';
import type { EventSink } from './event-sink.js';
import { SendBuffer, systemQueueBytes } from './send-buffer.js';
import { SSE_PING, sseEvent } from './sse-format.js';

/** An HTTP response that is a stream of server-sent events. */
export class SseSink implements EventSink {
  private readonly gone = new AbortController();
  private readonly unsent: SendBuffer;
  private ping: NodeJS.Timeout | undefined;
  readonly closed = this.gone.signal;

  constructor(private readonly response: ServerResponse) {
    this.unsent = new SendBuffer(() => systemQueueBytes(response.socket));
    response.once('close', () => this.onClose());
    // A write that the client's leaving overtakes; the close that follows is what counts.
    response.on('error', () => undefined);
    if (response.closed || response.destroyed) this.onClose();
  }

  /** Sends the headers, together with what is written at once; until then an error can still be answered as JSON. */
  start(pingMs: number): void {
    if (this.closed.aborted) return;
    this.response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    this.response.cork();
    this.response.flushHeaders();
    process.nextTick(() => this.response.uncork());
    this.ping = setInterval(() => this.sendPing(), pingMs).unref();
  }

  write(envelope: Envelope): void {
    if (!this.isOpen()) return;
    const event = sseEvent(envelope);
    this.response.write(event, this.unsent.add(event.length));
  }

  bufferedBytes(): number {
    return this.unsent.bytes;
  }

  taken(): number {
    return this.unsent.taken();
  }

  drained(): Promise<void> {
    return this.unsent.drained();
  }

  end(): void {
    clearInterval(this.ping);
    if (this.isOpen()) this.response.end();
  }

  close(): void {
    this.response.destroy();
    this.onClose();
  }

  private isOpen(): boolean {
    return !this.closed.aborted && !this.response.destroyed && !this.response.writableEnded;
  }

  private sendPing(): void {
    // What waits already keeps the connection busy.
    if (this.unsent.bytes === 0 && this.isOpen()) this.response.write(SSE_PING);
  }

  private onClose(): void {
    clearInterval(this.ping);
    this.gone.abort();
    this.unsent.close();
  }
}
