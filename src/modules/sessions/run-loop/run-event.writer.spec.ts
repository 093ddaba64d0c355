import { describe, expect, it } from '@jest/globals';
import type { Envelope } from '../../../contracts/live-events.js';
import type { Db } from '../../../platform/database/db.js';
import type { Live } from '../../../platform/live/live.js';
import type { WholeRun } from '../runs/run.js';
import { SessionNews } from '../session-news.js';
import { RunEventWriter, type EventDraft } from './run-event.writer.js';
import { RunHold } from './run-hold.js';

interface Given {
  run_id: string;
  fence: number;
  n: number;
}

type How = 'stored' | 'fence' | 'away' | 'refused';

/** Stores nothing, but says so; each statement waits to be let through. */
class Statements {
  readonly batches: { runs: Given[]; letThrough: (stored?: How) => void }[] = [];

  run<T>(write: () => Promise<T>): Promise<T> {
    return write();
  }

  commitNow(): void {}

  async systemSql(_text: string, { runs }: { runs: string }): Promise<object[]> {
    const { promise, resolve } = Promise.withResolvers<How>();
    const given = JSON.parse(runs) as Given[];
    this.batches.push({ runs: given, letThrough: (how = 'stored') => resolve(how) });
    const how = await promise;
    if (how === 'away') throw new Error('The database is away');
    if (how === 'refused') throw Object.assign(new Error('\\u0000 cannot be converted to text'), { code: '22P05' });
    return how === 'fence' ? [] : given.map(({ run_id, fence }) => ({ run_id, fence, base: 0, at: new Date() }));
  }
}

function given() {
  const statements = new Statements();
  const shown: Envelope[] = [];
  const live = { emit: (_room: string, envelopes: Envelope[]) => shown.push(...envelopes) };
  return {
    statements,
    shown,
    writer: new RunEventWriter(statements as unknown as Db, new SessionNews(live as unknown as Live)),
  };
}

function holdOf(id: string, fence = 1): RunHold {
  const run = { id, tenantId: 't', sessionId: 's', openMessageId: 'm', activeMs: 0, pinned: { limits: {} } };
  Object.assign(run.pinned.limits, { maxExecutionTimeMs: null });
  return new RunHold(run as unknown as WholeRun, fence);
}

const started: EventDraft = { type: 'message.started', data: { messageId: 'm' } };
const delta = (text: string): EventDraft => ({ type: 'message.delta', data: { messageId: 'm', text } });
const soon = () => new Promise((resolve) => setImmediate(resolve));

describe('RunEventWriter', () => {
  it('stores a message and its first words in one write, and shows them only then', async () => {
    const { writer, statements, shown } = given();
    const hold = holdOf('r1');
    writer.add(hold, started, true);
    writer.add(hold, delta('Hel'), true);
    writer.add(hold, delta('lo'));
    await soon();
    expect(statements.batches.map(({ runs }) => runs)).toMatchObject([[{ run_id: 'r1', n: 2 }]]);
    expect(shown).toEqual([]);
    statements.batches[0]?.letThrough();
    await writer.take(hold);
    expect(shown.map((e) => [e.type, (e.data as { text?: string }).text])).toEqual([
      ['message.started', undefined],
      ['message.delta', 'Hello'],
    ]);
  });

  it('waits for a run no longer than until that run is stored, however much others go on to say', async () => {
    const { writer, statements } = given();
    const [mine, others] = [holdOf('mine'), holdOf('others')];
    writer.add(mine, delta('end'), true);
    await soon();
    writer.add(others, delta('more'), true);
    const flushed = writer.take(mine);
    statements.batches[0]?.letThrough();
    await flushed;
    await soon();
    expect(statements.batches).toHaveLength(2);
    statements.batches[1]?.letThrough();
  });

  it('writes what came while a batch was being stored', async () => {
    const { writer, statements } = given();
    const hold = holdOf('r1');
    writer.add(hold, delta('a'), true);
    await soon();
    writer.add(hold, delta('b'), true);
    statements.batches[0]?.letThrough();
    await soon();
    expect(statements.batches).toHaveLength(2);
    statements.batches[1]?.letThrough();
    await writer.take(hold);
    expect(hold.isLost).toBe(false);
  });

  it('gives what is not stored yet to whoever stores it with something else', async () => {
    const { writer, statements } = given();
    const hold = holdOf('r1');
    writer.add(hold, delta('a'), true);
    await soon();
    writer.add(hold, delta('b'));
    const taken = writer.take(hold);
    statements.batches[0]?.letThrough();
    expect(await taken).toEqual([delta('b')]);
    await soon();
    expect(statements.batches).toHaveLength(1);
    writer.putBack(hold, [delta('b')]);
    writer.add(hold, delta('c'), true);
    await soon();
    expect(statements.batches[1]?.runs).toMatchObject([{ run_id: 'r1', n: 1 }]);
    statements.batches[1]?.letThrough();
  });

  it('keeps what two holders of one run say apart, and forgets the one who is gone', async () => {
    const { writer, statements, shown } = given();
    const [before, now] = [holdOf('r1', 1), holdOf('r1', 2)];
    writer.add(before, delta('old'));
    writer.add(now, delta('new'), true);
    writer.drop(before);
    await soon();
    expect(statements.batches[0]?.runs).toMatchObject([{ run_id: 'r1', fence: 2, n: 1 }]);
    statements.batches[0]?.letThrough();
    await soon();
    expect(shown.map((event) => (event.data as { text: string }).text)).toEqual(['new']);
  });

  it.each(['fence', 'away'] as const)('takes a run for lost that could not be stored (%s)', async (how) => {
    const { writer, statements, shown } = given();
    const hold = holdOf('r1');
    hold.interrupt('cancelled');
    writer.add(hold, delta('a'), true);
    await soon();
    const flushed = writer.take(hold);
    statements.batches[0]?.letThrough(how);
    await flushed;
    expect(hold.isLost).toBe(true);
    expect(shown).toEqual([]);
  });

  it('stores the other runs of a batch when the data of one is refused', async () => {
    const { writer, statements, shown } = given();
    const holds = ['r1', 'bad', 'r3', 'r4', 'r5'].map((id) => holdOf(id));
    for (const hold of holds) writer.add(hold, delta(hold.run.id), true);
    await soon();
    const flushed = holds.map((hold) => writer.take(hold));
    for (let n = 0; n < 9; n++) {
      const { runs, letThrough } = statements.batches[n] ?? { runs: [] };
      letThrough?.(runs.some(({ run_id }) => run_id === 'bad') ? 'refused' : 'stored');
      await soon();
    }
    await Promise.all(flushed);
    expect(holds.filter(({ isLost }) => isLost).map(({ run }) => run.id)).toEqual(['bad']);
    expect(holds.map(({ isUnstorable }) => isUnstorable)).toEqual([false, true, false, false, false]);
    expect(shown.map(({ data }) => (data as { text: string }).text)).toEqual(['r1', 'r3', 'r4', 'r5']);
  });

  it('loses all of a batch whose outcome is not known, and ends none for it', async () => {
    const { writer, statements } = given();
    const holds = ['r1', 'r2'].map((id) => holdOf(id));
    for (const hold of holds) writer.add(hold, delta('a'), true);
    await soon();
    const flushed = holds.map((hold) => writer.take(hold));
    statements.batches[0]?.letThrough('away');
    await Promise.all(flushed);
    expect(holds.map(({ isLost, isUnstorable }) => [isLost, isUnstorable])).toEqual(Array(2).fill([true, false]));
    expect(statements.batches).toHaveLength(1);
  });
});
