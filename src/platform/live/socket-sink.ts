import type { Socket } from 'socket.io';
import type { Envelope } from '../../contracts/live-events.js';
import type { EventSink } from './event-sink.js';
import { SendBuffer, systemQueueBytes } from './send-buffer.js';
import { socketPacket } from './socket-packet.js';

/** What of a WebSocket transport is used; a polling transport has no `socket`. */
interface WebSocketTransport {
  socket?: { terminate?: () => void; _socket?: object };
}

/** One Socket.IO connection; all readers of a socket share it, and with it the measure of what waits. */
export class SocketSink implements EventSink {
  private readonly gone = new AbortController();
  private readonly unsent: SendBuffer;
  readonly closed = this.gone.signal;

  constructor(private readonly socket: Socket) {
    this.unsent = new SendBuffer(() => systemQueueBytes(this.webSocket()?._socket));
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

  /** Without a farewell, which would wait behind what is not taken. */
  close(): void {
    this.webSocket()?.terminate?.();
    this.socket.conn.close(true);
    this.release();
  }

  /** The connection is over. */
  release(): void {
    this.gone.abort();
    this.unsent.close();
  }

  private webSocket(): WebSocketTransport['socket'] {
    return (this.socket.conn.transport as WebSocketTransport).socket;
  }
}
