import type { Socket } from 'node:net';
import { ClientStream, fatalMessage, ProtocolFault, type Exchange } from './wire-protocol.js';

interface ConnectionEvents {
  greeting: Uint8Array;
  /** Exchanges have arrived. */
  onWork(connection: WireConnection): void;
  onClose(connection: WireConnection): void;
}

/** One client: reads its exchanges into a queue, writes the answers. */
export class WireConnection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #stream = new ClientStream();
  readonly #exchanges: Exchange[] = [];
  #started = false;
  #closed = false;

  constructor(socket: Socket, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // Whatever the fault, 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => this.close());
  }

  get hasWork(): boolean {
    return this.#exchanges.length > 0;
  }

  takeExchange(): Exchange | undefined {
    return this.#exchanges.shift();
  }

  send(pieces: readonly Uint8Array[]): void {
    if (this.#closed) return;
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }

  /** Says why, then closes. */
  refuse(sqlState: string, reason: string): void {
    this.send([fatalMessage(sqlState, reason)]);
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#exchanges.length = 0;
    this.#socket.destroySoon();
    this.#events.onClose(this);
  }

  #read(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#stream.push(chunk);
      while (!this.#started && this.#open());
      if (this.#started) this.#queueExchanges();
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      this.refuse('08P01', error.message);
    }
  }

  /** False when there is nothing more to open with. */
  #open(): boolean {
    switch (this.#stream.opening()) {
      case 'encryption':
        this.#socket.write('N');
        return true;
      case 'startup':
        this.#started = true;
        this.#socket.write(this.#events.greeting);
        return true;
      case 'cancel':
        // There is no second process that could be told to stop the first; the request has no answer.
        this.close();
        return false;
      default:
        return false;
    }
  }

  #queueExchanges(): void {
    for (let exchange = this.#stream.exchange(); exchange; exchange = this.#stream.exchange()) {
      if (exchange.ends === 'terminate') {
        this.close();
        return;
      }
      this.#exchanges.push(exchange);
    }
    if (this.hasWork) this.#events.onWork(this);
  }
}
