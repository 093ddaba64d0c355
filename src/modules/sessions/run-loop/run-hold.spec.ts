import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { WholeRun } from '../runs/run.js';
import { RunHold } from './run-hold.js';

function aHold(part: { maxExecutionTimeMs?: number | null; activeMs?: number } = {}): RunHold {
  const { maxExecutionTimeMs = null, activeMs = 0 } = part;
  const run = {
    activeMs,
    pinned: { limits: { maxTokens: null, maxTurns: null, maxCostMicros: null, maxExecutionTimeMs } },
  };
  return new RunHold(run as unknown as WholeRun, 1);
}

afterEach(() => {
  jest.useRealTimers();
});

describe('RunHold', () => {
  it('counts the time of earlier holds in', () => {
    jest.useFakeTimers();
    const hold = aHold({ activeMs: 500 });
    jest.advanceTimersByTime(250);
    expect(hold.activeMs).toBe(750);
  });

  it('ends what is left of its time', () => {
    jest.useFakeTimers();
    const hold = aHold({ maxExecutionTimeMs: 1_000, activeMs: 900 });
    jest.advanceTimersByTime(99);
    expect(hold.interruption).toBeNull();
    jest.advanceTimersByTime(1);
    expect(hold.interruption).toMatchObject({ kind: 'timeLimit' });
  });

  it('is interrupted once, and can be lost even then', () => {
    const hold = aHold();
    hold.interrupt('cancelled');
    hold.interrupt('shutdown');
    hold.lose();
    expect(hold.interruption).toMatchObject({ kind: 'cancelled' });
    expect(hold.isLost).toBe(true);
  });

  it('is not stopped before the calls have ended that can not be repeated', () => {
    const hold = aHold();
    for (const id of ['a', 'b']) hold.beginUnrepeatable(id);
    hold.stop(1_000);
    hold.endUnrepeatable('a');
    hold.endUnrepeatable('c');
    expect(hold.interruption).toBeNull();
    hold.endUnrepeatable('b');
    expect(hold.interruption).toMatchObject({ kind: 'shutdown' });
  });

  it('is stopped when those calls take too long, and at once where there are none', () => {
    jest.useFakeTimers();
    const [busy, idle] = [aHold(), aHold()];
    busy.beginUnrepeatable('a');
    for (const hold of [busy, idle]) hold.stop(1_000);
    expect(idle.interruption).toMatchObject({ kind: 'shutdown' });
    jest.advanceTimersByTime(999);
    expect(busy.interruption).toBeNull();
    jest.advanceTimersByTime(1);
    expect(busy.interruption).toMatchObject({ kind: 'shutdown' });
  });

  it('counts what others took for it', () => {
    jest.useFakeTimers();
    const hold = aHold({ maxExecutionTimeMs: 1_000 });
    hold.countElsewhere(400);
    jest.advanceTimersByTime(599);
    expect([hold.activeMs, hold.spentMs, hold.interruption]).toEqual([599, 999, null]);
    jest.advanceTimersByTime(1);
    expect(hold.interruption).toMatchObject({ kind: 'timeLimit' });
  });

  it('writes one thing after the other, also after one that failed', async () => {
    const hold = aHold();
    const order: string[] = [];
    const first = Promise.withResolvers<undefined>();
    const failing = hold.inTurn(async () => {
      await first.promise;
      order.push('first');
      throw new Error('away');
    });
    const second = hold.inTurn(() => Promise.resolve(order.push('second')));
    first.resolve(undefined);
    await expect(failing).rejects.toThrow('away');
    await second;
    expect(order).toEqual(['first', 'second']);
  });
});
