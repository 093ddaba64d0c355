import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Actor } from '../access/actor.js';
import { inScope, newScope, scopeIfAny } from '../access/scope.js';
import type { Connection } from '../database/connection.js';
import { transactions, type Transaction } from '../database/transaction.js';
import { InProcessQueue } from './in-process.queue.js';

const TENANT = '018f0000-0000-7000-8000-000000000001';
const payload = (runId: string) => ({ tenantId: TENANT, runId });

/** A queue whose jobs end when told to. */
function given({ slots = 1 } = {}) {
  const begun: string[] = [];
  const gates = new Map<string, () => void>();
  const run = async (arrival: { payload: unknown }) => {
    const { runId } = arrival.payload as { runId: string };
    begun.push(runId);
    await new Promise<void>((resolve) => gates.set(runId, resolve));
    return true;
  };
  const queue = new InProcessQueue({ run, stop: async () => true }, () => slots);
  const end = async (runId: string) => {
    gates.get(runId)?.();
    await new Promise(setImmediate);
  };
  return { queue, begun, end };
}

describe('InProcessQueue', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('begins at once while there is a slot', () => {
    const { queue, begun } = given({ slots: 2 });
    for (const id of ['a', 'b', 'c']) queue.ring('run.execute', payload(id));
    expect(begun).toEqual(['a', 'b']);
  });

  it('lets a tenant with little waiting go before one with much', async () => {
    const { queue, begun, end } = given();
    queue.ring('run.execute', payload('busy'));
    for (const backlog of [0, 1, 2]) queue.ring('run.execute', payload(`large${backlog}`), { backlog });
    queue.ring('run.execute', payload('small0'), { backlog: 0 });
    for (const id of ['busy', 'large0', 'small0', 'large1']) await end(id);
    expect(begun).toEqual(['busy', 'large0', 'small0', 'large1', 'large2']);
  });

  it('answers several rings for waiting work with one run', async () => {
    const { queue, begun, end } = given();
    queue.ring('run.execute', payload('busy'));
    for (let i = 0; i < 3; i++) queue.ring('run.execute', payload('a'));
    await end('busy');
    await end('a');
    expect(begun).toEqual(['busy', 'a']);
  });

  it('answers rings during a run with one more run after it', async () => {
    const { queue, begun, end } = given({ slots: 5 });
    for (let i = 0; i < 3; i++) queue.ring('run.execute', payload('a'));
    expect(begun).toEqual(['a']);
    await end('a');
    expect(begun).toEqual(['a', 'a']);
    await end('a');
    expect(begun).toEqual(['a', 'a']);
  });

  it('rings later when told to', () => {
    jest.useFakeTimers();
    const { queue, begun } = given();
    queue.ring('run.execute', payload('a'), { delayMs: 5_000 });
    jest.advanceTimersByTime(4_999);
    expect(begun).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(begun).toEqual(['a']);
  });

  it('takes no ring once closed, and forgets those that wait', async () => {
    const { queue, begun, end } = given();
    queue.ring('run.execute', payload('busy'));
    queue.ring('run.execute', payload('waiting'));
    await queue.beforeApplicationShutdown();
    queue.ring('run.execute', payload('late'));
    await end('busy');
    expect(begun).toEqual(['busy']);
  });

  it('rings when the open transaction has committed', () => {
    const { queue, begun } = given();
    const transaction: Transaction = {
      connection: {} as Connection,
      actor: Actor.job(TENANT),
      afterCommit: [],
      manager: null,
      commit: null,
      inner: 0,
      ended: false,
    };
    transactions.run(transaction, () => queue.ring('run.execute', payload('a')));
    expect(begun).toEqual([]);
    for (const callback of transaction.afterCommit) callback();
    expect(begun).toEqual(['a']);
  });

  it('hands on the correlation id of who rang, and nothing else of their scope', async () => {
    const seen = jest.fn();
    const run = async (arrival: { correlationId: string }) => {
      seen(arrival.correlationId, scopeIfAny());
      return true;
    };
    const queue = new InProcessQueue({ run, stop: async () => true }, () => 1);
    inScope(newScope({ correlationId: 'request-1', actor: Actor.job(TENANT) }), () =>
      queue.ring('run.execute', payload('a')),
    );
    await new Promise(setImmediate);
    expect(seen).toHaveBeenCalledWith('request-1', undefined);
  });
});
