import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { NotFound } from '../../contracts/errors.js';
import { sessionRoom, type Envelope, type RunEnvelope, type RunEventType } from '../../contracts/live-events.js';
import { EventReader, type Following } from './event-reader.js';
import type { EventSink } from './event-sink.js';
import type { EventSource, RunPosition } from './event-source.js';
import { Live } from './live.js';
import { LiveLimits } from './live-limits.js';
import { envelopeJson } from './once-per-envelope.js';
import { SharedReads } from './shared-reads.js';

const room = sessionRoom('t', 's');

function event(runId: string, seq: number, type: RunEventType = 'message.delta'): RunEnvelope {
  return { seq, type, sessionId: 's', runId, at: '2026-01-01T00:00:00.000Z', data: { text: `${runId}${seq}` } };
}

const loose: Envelope = { type: 'session.updated', sessionId: 's', at: '2026-01-01T00:00:00.000Z', data: {} };

/** Stored events of a session; `reading` lets a test act while a read is under way. */
class Rows implements EventSource {
  readonly stored = new Map<string, RunEnvelope[]>();
  reads: string[] = [];
  reading: () => void = () => undefined;

  add(...events: RunEnvelope[]): void {
    for (const row of events) this.stored.set(row.runId, [...(this.stored.get(row.runId) ?? []), row]);
  }

  async runs(): Promise<RunPosition[]> {
    this.reading();
    return [...this.stored].map(([runId, rows]) => {
      const last = rows.at(-1);
      return { runId, lastSeq: last?.seq ?? 0, ended: last?.type === 'run.completed' };
    });
  }

  async read(runId: string, afterSeq: number, limit: number): Promise<RunEnvelope[]> {
    this.reads.push(`${runId}>${afterSeq}`);
    const rows = (this.stored.get(runId) ?? []).filter((row) => row.seq > afterSeq).slice(0, limit);
    await Promise.resolve();
    this.reading();
    return rows;
  }
}

/** Takes everything at once. */
class Client implements EventSink {
  readonly got: Envelope[] = [];
  readonly closed = new AbortController().signal;

  write(envelope: Envelope): void {
    this.got.push(envelope);
  }

  bufferedBytes = () => 0;
  taken = () => 0;
  drained = () => Promise.resolve();
  close = () => undefined;

  get shown(): string {
    return this.got
      .map((envelope) => ('seq' in envelope ? `${envelope.runId}${envelope.seq}` : envelope.type))
      .join(' ');
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function given(part: Partial<Following> = {}) {
  const [client, rows] = [new Client(), new Rows()];
  const live = new Live(null);
  const reads = new SharedReads();
  const limits = Object.assign(new LiveLimits(), { pageRows: 4 });
  const newReader = (sink: EventSink = client, source: EventSource = rows, follower = 'u') =>
    new EventReader({ room, source, sink, ...part }, { live, reads, limits, follower });
  const reader = newReader();
  const start = async () => {
    await reader.open();
    reader.begin();
    await settled();
  };
  /** Stored, then shown to whoever listens. */
  const happen = (...events: RunEnvelope[]) => {
    rows.add(...events);
    live.emit(room, events);
  };
  return { live, rows, client, reader, newReader, start, happen };
}

const run = { runId: 'a', afterSeq: 0 };

describe('EventReader', () => {
  it('shows the stored events, then live ones, each once', async () => {
    const { rows, client, start, happen, live } = given({ run });
    rows.add(event('a', 1), event('a', 2));
    await start();
    happen(event('a', 3), event('a', 4));
    live.emit(room, [event('a', 2), event('a', 4)]);
    expect(client.shown).toBe('a1 a2 a3 a4');
  });

  it('starts after what the client has seen', async () => {
    const { rows, client, start } = given({ run: { runId: 'a', afterSeq: 2 } });
    rows.add(event('a', 1), event('a', 2), event('a', 3));
    await start();
    expect(client.shown).toBe('a3');
  });

  it('goes on from the last event when the client claims to have seen more than there is', async () => {
    const { rows, client, start, happen } = given({ run: { runId: 'a', afterSeq: 900 } });
    rows.add(event('a', 1));
    await start();
    happen(event('a', 2));
    expect(client.shown).toBe('a2');
  });

  it('fills a hole from the rows', async () => {
    const { rows, client, start, happen } = given({ run });
    rows.add(event('a', 1));
    await start();
    rows.add(event('a', 2));
    happen(event('a', 3));
    await settled();
    expect(client.shown).toBe('a1 a2 a3');
  });

  it('misses nothing that happens while it asks where the run is', async () => {
    const { rows, client, start, happen } = given({ run });
    rows.add(event('a', 1));
    rows.reading = () => {
      rows.reading = () => undefined;
      queueMicrotask(() => happen(event('a', 2)));
    };
    await start();
    expect(client.shown).toBe('a1 a2');
  });

  it('misses nothing that happens while it reads rows', async () => {
    const { rows, client, reader, happen } = given({ run });
    rows.add(event('a', 1));
    await reader.open();
    rows.reading = () => {
      rows.reading = () => undefined;
      happen(event('a', 2), event('a', 3));
    };
    reader.begin();
    await settled();
    expect(client.shown).toBe('a1 a2 a3');
  });

  it('shows nothing before it is told to begin', async () => {
    const { client, reader, happen } = given();
    await reader.open();
    happen(event('a', 1));
    await settled();
    expect(client.shown).toBe('');
    reader.begin();
    await settled();
    expect(client.shown).toBe('a1');
  });

  it('ends with the run, and shows nothing after its end', async () => {
    const { rows, client, reader, start, happen } = given({ run });
    rows.add(event('a', 1));
    await start();
    happen(event('a', 2, 'run.completed'), event('a', 3));
    await expect(reader.ended).resolves.toBe('ended');
    expect(client.shown).toBe('a1 a2');
  });

  it('ends at once when the client has seen the end', async () => {
    const { rows, client, reader, start } = given({ run: { runId: 'a', afterSeq: 2 } });
    rows.add(event('a', 1), event('a', 2, 'run.completed'));
    await start();
    await expect(reader.ended).resolves.toBe('ended');
    expect(client.shown).toBe('');
  });

  it('ends when the run waits only if asked to, and not at a wait that is over', async () => {
    const { rows, client, reader, start, happen } = given({ run: { ...run, endOnWait: true } });
    rows.add(event('a', 1), event('a', 2, 'run.waiting'), event('a', 3, 'run.resumed'));
    await start();
    expect(client.shown).toBe('a1 a2 a3');
    happen(event('a', 4, 'run.waiting'));
    await expect(reader.ended).resolves.toBe('waiting');

    const patient = given({ run });
    patient.rows.add(event('a', 1, 'run.waiting'));
    await patient.start();
    patient.happen(event('a', 2, 'run.resumed'));
    expect(patient.client.shown).toBe('a1 a2');
  });

  it('finds lost events after a quiet while', async () => {
    const { rows, client, reader, start } = given({ run });
    rows.add(event('a', 1));
    await start();
    rows.add(event('a', 2));
    reader.tick(performance.now() + 4_000);
    await settled();
    expect(client.shown).toBe('a1');
    reader.tick(performance.now() + 6_000);
    await settled();
    expect(client.shown).toBe('a1 a2');
  });

  it('tries again when rows could not be read, and ends when there is nothing to be seen', async () => {
    const { rows, client, reader, start, live } = given({ run });
    rows.add(event('a', 1));
    await start();
    rows.add(event('a', 2));
    rows.reading = () => {
      throw new Error('The database is away');
    };
    live.emit(room, [event('a', 3)]);
    await settled();
    rows.reading = () => undefined;
    reader.tick(performance.now());
    await settled();
    expect(client.shown).toBe('a1 a2');
    rows.reading = () => {
      throw new NotFound('Run');
    };
    reader.tick(performance.now() + 6_000);
    await expect(reader.ended).resolves.toBe('gone');
  });

  it('reads rows in the context of the follower', async () => {
    const context = new AsyncLocalStorage<string>();
    const { rows, newReader, happen } = given({ run });
    const seen = new Set<string | undefined>();
    rows.add(event('a', 1));
    rows.reading = () => seen.add(context.getStore());
    const reader = context.run('follower', () => newReader());
    await context.run('follower', () => reader.open());
    reader.begin();
    await settled();
    context.run('emitter', () => happen(event('a', 3)));
    await settled();
    expect(rows.reads).toEqual(['a>0', 'a>1']);
    expect(seen).toEqual(new Set(['follower']));
  });
});

describe('EventReader of a session', () => {
  it('shows known runs from where they stand, one after what the client has seen, new ones from their start', async () => {
    const { rows, client, start, happen, live } = given({ replay: { runId: 'b', afterSeq: 1 } });
    rows.add(event('a', 1), event('a', 2), event('b', 1), event('b', 2), event('b', 3, 'run.completed'));
    await start();
    expect(client.shown).toBe('b2 b3');
    happen(event('a', 3));
    rows.add(event('c', 1), event('c', 2), event('c', 3));
    live.emit(room, [event('c', 3)]);
    await settled();
    expect(client.shown).toBe('b2 b3 a3 c1 c2 c3');
  });

  it('finds a run of which it heard nothing', async () => {
    const { rows, client, reader, start } = given();
    await start();
    rows.add(event('n', 1), event('n', 2));
    reader.tick(performance.now() + 6_000);
    await settled();
    expect(client.shown).toBe('n1 n2');
  });

  it('passes on loose events, and once it has caught up the last of those that came meanwhile', async () => {
    const { client, rows, start, happen, live } = given();
    await start();
    live.emit(room, [loose]);
    rows.add(event('a', 1));
    happen(event('a', 2));
    live.emit(room, [loose]);
    live.emit(room, [{ ...loose, data: 'last' }]);
    await settled();
    expect(client.shown).toBe('session.updated a1 a2 session.updated');
    expect(client.got.at(-1)).toMatchObject({ data: 'last' });
  });

  it('shows nothing after a recheck until the rows were asked, and nothing at all when they say no', async () => {
    const { client, rows, start, happen, live, reader } = given();
    await start();
    happen(event('a', 1));
    live.recheck(room);
    happen(event('a', 2));
    live.emit(room, [loose]);
    expect(client.shown).toBe('a1');
    await settled();
    expect(client.shown).toBe('a1 a2 session.updated');
    rows.runs = () => Promise.reject(new NotFound('Session'));
    live.recheck(room);
    happen(event('a', 3));
    live.emit(room, [loose]);
    expect(await reader.ended).toBe('gone');
    expect(client.shown).toBe('a1 a2 session.updated');
  });

  it('shares no reads with those who may be shown something else', async () => {
    const { rows, client, reader, newReader, live } = given();
    rows.add(event('a', 1));
    const strangers = newReader(new Client(), { runs: () => rows.runs(), read: async () => [] }, 'stranger');
    for (const each of [strangers, reader]) await each.open();
    for (const each of [strangers, reader]) each.begin();
    rows.add(event('a', 2), event('a', 3));
    live.emit(room, [event('a', 3)]);
    await settled();
    expect(client.shown).toBe('a2 a3');
  });

  it('shares reads and serialised events with the other readers of its session', async () => {
    const { rows, newReader, live } = given();
    let serialised = 0;
    const counted = event('a', 1);
    counted.data = { toJSON: () => ++serialised };
    rows.add(counted);
    const clients = Array.from({ length: 100 }, () => new Client());
    const readers = clients.map((client) => newReader(client));
    for (const reader of readers) await reader.open();
    for (const reader of readers) reader.begin();
    const next = event('a', 2);
    rows.add(next, event('a', 3));
    live.emit(room, [event('a', 3)]);
    await settled();
    expect(clients.every((client) => client.shown === 'a2 a3')).toBe(true);
    expect(rows.reads).toEqual(['a>1']);
    for (const client of clients) client.got.forEach(envelopeJson);
    clients.forEach(() => envelopeJson(counted));
    expect(serialised).toBe(1);
  });
});
