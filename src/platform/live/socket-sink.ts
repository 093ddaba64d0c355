import type { Socket } from 'socket.io';
import type { Envelope } from '../../contracts/live-events.js';
import { cutOff, tcpSocketOf } from './engine-connection.js';
import type { EventSink } from './event-sink.js';
import { SendBuffer, systemQueueBytes } from './send-buffer.js';
import { socketPacket } from './socket-packet.js';

/** One Socket.IO connection; all readers of a socket share it, and with it the measure of what waits. */
export class SocketSink implements EventSink {
  private readonly gone = new AbortController();
  private readonly unsent: SendBuffer;
  readonly closed = this.gone.signal;

  constructor(private readonly socket: Socket) {
    this.unsent = new SendBuffer(() => systemQueueBytes(tcpSocketOf(socket.conn)));
  }

  write(envelope: Envelope): void {
    const { conn } = this.socket;
    if (this.closed.aborted || conn.readyState !== 'open') return;
    const { text, options, bytes } = socketPacket(envelope);
    // Engine.io calls back when its transport has handed everything over: a WebSocket to the system, polling to a request.
    conn.write(text, options, this.unsent.add(bytes));
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

  close(): void {
    cutOff(this.socket.conn);
    this.release();
  }

  /** The connection is over. */
  release(): void {
    this.gone.abort();
    this.unsent.close();
  }
}
