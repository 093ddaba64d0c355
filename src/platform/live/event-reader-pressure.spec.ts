import { describe, expect, it } from '@jest/globals';
import { sessionRoom, type Envelope, type RunEnvelope, type RunEventType } from '../../contracts/live-events.js';
import { EventReader } from './event-reader.js';
import type { EventSink } from './event-sink.js';
import { Live } from './live.js';
import { LiveLimits } from './live-limits.js';
import { SharedReads } from './shared-reads.js';

const room = sessionRoom('t', 's');
const BYTES = 100;

function event(seq: number, type: RunEventType = 'message.delta'): RunEnvelope {
  return { seq, type, sessionId: 's', runId: 'a', at: '2026-01-01T00:00:00.000Z', data: {} };
}

/** What is written to it waits until the test takes it. */
class Client implements EventSink {
  readonly got: Envelope[] = [];
  mostWaiting = 0;
  closedFor: string | null = null;
  private waiting = 0;
  private takenEvents = 0;
  private waiters: (() => void)[] = [];
  private readonly gone = new AbortController();
  readonly closed = this.gone.signal;

  write(envelope: Envelope): void {
    this.got.push(envelope);
    this.waiting += BYTES;
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
  }

  take(events: number): void {
    this.takenEvents += events;
    this.waiting = Math.max(0, this.waiting - events * BYTES);
    if (this.waiting === 0) for (const wake of this.waiters.splice(0)) wake();
  }

  bufferedBytes(): number {
    return this.waiting;
  }

  taken(): number {
    return this.takenEvents;
  }

  async drained(): Promise<void> {
    if (this.waiting > 0) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  close(reason: string): void {
    this.closedFor = reason;
    this.gone.abort();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A run of which `stored` events are there, all of them shown to the client if it `sawAll`. */
function given({ stored = 1, sawAll = false } = {}) {
  const live = new Live(null);
  const client = new Client();
  const rows = Array.from({ length: stored }, (_, index) => event(index + 1));
  const reads: number[] = [];
  const source = {
    runs: async () => [{ runId: 'a', lastSeq: rows.length, ended: false }],
    read: async (_runId: string, afterSeq: number, limit: number) => {
      reads.push(afterSeq);
      return rows.slice(afterSeq, afterSeq + limit);
    },
  };
  const limits = Object.assign(new LiveLimits(), { unsentBytes: 5 * BYTES, pageRows: 4 });
  const reader = new EventReader(
    { room, source, sink: client, run: { runId: 'a', afterSeq: sawAll ? stored : 0 } },
    { live, reads: new SharedReads(), limits, follower: 'u' },
  );
  const start = async () => {
    await reader.open();
    reader.begin();
    await settled();
  };
  const happen = (...events: RunEnvelope[]) => {
    rows.push(...events);
    live.emit(room, events);
  };
  return { client, reads, reader, start, happen };
}

describe('EventReader and a slow client', () => {
  it('lets at most the limit and one event wait, and goes on from the rows', async () => {
    const { client, reads, start, happen } = given();
    await start();
    for (let seq = 2; seq <= 50; seq++) happen(event(seq));
    for (let round = 0; round < 50; round++) {
      client.take(10);
      await settled();
    }
    expect(client.mostWaiting).toBe(6 * BYTES);
    expect(client.got.map((envelope) => 'seq' in envelope && envelope.seq)).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    expect(reads.length).toBeGreaterThan(5);
  });

  it('replays page by page, each when the one before was taken', async () => {
    const { client, start } = given({ stored: 12 });
    await start();
    expect(client.got).toHaveLength(4);
    client.take(4);
    await settled();
    expect(client.got).toHaveLength(8);
  });

  it('is closed when it takes nothing for 30 s, not when it takes a little', async () => {
    const { client, reader, start, happen } = given();
    await start();
    happen(event(2));
    const from = performance.now();
    reader.tick(from);
    client.take(1);
    reader.tick(from + 29_000);
    reader.tick(from + 58_000);
    expect(client.closedFor).toBeNull();
    reader.tick(from + 59_001);
    expect(client.closedFor).not.toBeNull();
    await expect(reader.ended).resolves.toBe('stuck');
  });

  it('has not ended before it took everything', async () => {
    const { client, reader, start, happen } = given({ sawAll: true });
    await start();
    happen(event(2, 'run.completed'));
    const ended = reader.ended.then(() => 'ended');
    expect(await Promise.race([ended, settled().then(() => 'waits')])).toBe('waits');
    client.take(1);
    expect(await ended).toBe('ended');
  });
});
