import { io, type Socket } from 'socket.io-client';
import type { Envelope, RunEnvelope } from '../src/contracts/live-events.js';
import { eventually } from './platform-fixtures.js';

type Acknowledged = { ok: boolean; error?: { code: string } } & Record<string, unknown>;

/** One Socket.IO client; keeps what it is shown. */
export class TestSocket {
  readonly events: Envelope[] = [];
  readonly closed: Promise<string>;

  private constructor(readonly socket: Socket) {
    socket.on('event', (event: Envelope) => this.events.push(event));
    this.closed = new Promise((resolve) => socket.once('disconnect', resolve));
  }

  static async connect(url: string, token: string): Promise<TestSocket> {
    const socket = io(url, { auth: { token }, transports: ['websocket'], reconnection: false, forceNew: true });
    const connected = new TestSocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
      // The server went away in between.
      socket.once('disconnect', (reason) => reject(new Error(reason)));
    });
    return connected;
  }

  say(name: string, payload: object): Promise<Acknowledged> {
    return this.socket.timeout(20_000).emitWithAck(name, payload) as Promise<Acknowledged>;
  }

  /** The events of a run so far. */
  of(runId: string): RunEnvelope[] {
    return this.events.filter((event): event is RunEnvelope => 'runId' in event && event.runId === runId);
  }

  /** The events of a run, once it has ended. */
  async whole(runId: string): Promise<RunEnvelope[]> {
    await eventually(
      () => this.of(runId).at(-1)?.type ?? '',
      (type) => /^run\.(completed|failed|cancelled)$/.test(type),
    );
    return this.of(runId);
  }

  close(): void {
    this.socket.close();
  }
}
