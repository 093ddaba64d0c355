import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type misbehave from '../../../test/workers/misbehave.worker.js';
import { TimedOut } from '../../contracts/errors.js';
import { Actor } from '../access/actor.js';
import { runAs } from '../access/scope.js';
import { BoundedWork, WorkExceeded } from './bounded-work.js';

const MODULE = new URL('../../../test/workers/misbehave.worker.js', import.meta.url);
const work = new BoundedWork();

function run(how: Parameters<typeof misbehave>[0]['how'], limitMs = 20_000): Promise<unknown> {
  return work.run<typeof misbehave>(MODULE, { how }, { limitMs });
}

describe('bounded work', () => {
  afterAll(() => work.onApplicationShutdown());

  it('answers what the work answers', async () => {
    expect(await run('answer')).toEqual({ given: { how: 'answer' } });
  });

  it('throws what the work throws', async () => {
    await expect(run('throw')).rejects.toThrow('the input is bad');
  });

  it('ends work that never ends, and goes on with the next', async () => {
    const spinning = [run('spin', 300), run('spin', 300), run('spin', 300)];
    const next = run('answer');
    for (const one of spinning) await expect(one).rejects.toEqual(new WorkExceeded('time'));
    expect(await next).toEqual({ given: { how: 'answer' } });
  });

  it('ends work that takes all memory, and goes on with the next', async () => {
    await expect(run('grow', 60_000)).rejects.toEqual(new WorkExceeded('memory'));
    expect(await run('answer')).toEqual({ given: { how: 'answer' } });
  });

  it('outlives threads that fill their memory just when they are ended', async () => {
    const from = performance.now();
    await expect(run('grow', 60_000)).rejects.toEqual(new WorkExceeded('memory'));
    const takes = Math.round(performance.now() - from);
    const exceeded = [new WorkExceeded('memory'), new WorkExceeded('time')];
    for (let early = 0; early < takes * 0.6; early += takes / 10)
      expect(exceeded).toContainEqual(await run('grow', Math.round(takes - early)).catch((error: unknown) => error));
    expect(await run('answer')).toEqual({ given: { how: 'answer' } });
  }, 60_000);

  it('ends work that holds much outside of its heap', async () => {
    await expect(run('hoard', 60_000)).rejects.toEqual(new WorkExceeded('memory'));
    expect(await run('answer')).toEqual({ given: { how: 'answer' } });
  });

  it('ends with the caller, at work or in line', async () => {
    const caller = new AbortController();
    const { signal } = caller;
    const given = [1, 2, 3].map(() =>
      work.run<typeof misbehave>(MODULE, { how: 'spin' }, { limitMs: 60_000, signal }).catch((error: unknown) => error),
    );
    setTimeout(() => caller.abort(new Error('gone')), 200);
    for (const one of given) expect(await one).toEqual(new Error('gone'));
    expect(await run('answer')).toEqual({ given: { how: 'answer' } });
  });

  it('lets short work pass long work', async () => {
    const long = work.run<typeof misbehave>(MODULE, { how: 'spin' }, { limitMs: 3_000, line: 'long' });
    const behind = work.run<typeof misbehave>(MODULE, { how: 'answer' }, { limitMs: 20_000, line: 'long' });
    const order: string[] = [];
    await Promise.allSettled([
      long.catch(() => order.push('long')),
      behind.then(() => order.push('behind')),
      run('answer').then(() => order.push('short')),
    ]);
    expect(order).toEqual(['short', 'long', 'behind']);
  });

  describe('of a tenant that sends more than its share', () => {
    const OF_ONE = 30;
    const [busy, other] = [Actor.job(randomUUID()), Actor.job(randomUUID())];
    const long = { limitMs: 60_000, line: 'long' } as const;
    let caller: AbortController;
    let share: Promise<unknown>[];

    beforeEach(() => {
      caller = new AbortController();
      const { signal } = caller;
      const options = (n: number) => ({ ...long, limitMs: n === 0 ? 500 : 60_000, signal });
      share = Array.from({ length: OF_ONE }, (_, n) =>
        runAs(busy, () => work.run<typeof misbehave>(MODULE, { how: 'spin' }, options(n))).catch(
          (error: unknown) => error,
        ),
      );
    });
    afterEach(async () => {
      caller.abort(new Error('gone'));
      await Promise.all(share);
    });

    const answer = (as: Actor, options: object = {}) =>
      runAs(as, () => work.run<typeof misbehave>(MODULE, { how: 'answer' }, { ...long, ...options }));
    const answered = { given: { how: 'answer' } };

    it('is refused, while that of another goes on', async () => {
      const next = answer(other);
      await expect(answer(busy)).rejects.toMatchObject({ status: 503, retryAfter: 10 });
      expect(await next).toEqual(answered);
      expect(await share[0]).toEqual(new WorkExceeded('time'));
      caller.abort(new Error('gone'));
      await Promise.all(share);
      expect(await answer(busy)).toEqual(answered);
    });

    it('waits for its turn where it is patient', async () => {
      const patient = answer(busy, { patient: true });
      const another = answer(busy, { patient: true, signal: caller.signal }).catch((error: unknown) => error);
      caller.abort(new Error('gone'));
      expect(await another).toEqual(new Error('gone'));
      expect(await patient).toEqual(answered);
    });

    it('asks for its input when its turn has come', async () => {
      const asked: string[] = [];
      const input = (name: string) => () => {
        asked.push(name);
        return Promise.resolve({ how: 'answer' as const });
      };
      const next = runAs(other, () => work.run<typeof misbehave>(MODULE, input('next'), long));
      const behind = runAs(busy, () =>
        work.run<typeof misbehave>(MODULE, input('behind'), { ...long, patient: true, signal: caller.signal }),
      ).catch((error: unknown) => error);
      expect(asked).toEqual([]);
      expect(await next).toEqual(answered);
      caller.abort(new Error('gone'));
      await behind;
      expect(asked).toEqual(['next']);
    });
  });

  it('of documents goes on while another tenant’s takes its time', async () => {
    const [busy, other] = [Actor.job(randomUUID()), Actor.job(randomUUID())];
    const documents = { limitMs: 60_000, line: 'documents' } as const;
    const caller = new AbortController();
    const spinning = ['spin', 'spin', 'answer'].map((how) =>
      runAs(busy, () =>
        work.run<typeof misbehave>(MODULE, { how: how as 'spin' }, { ...documents, signal: caller.signal }),
      ).catch((error: unknown) => error),
    );
    const answer = await runAs(other, () => work.run<typeof misbehave>(MODULE, { how: 'answer' }, documents));
    expect(answer).toEqual({ given: { how: 'answer' } });
    caller.abort(new Error('gone'));
    expect(await Promise.all(spinning)).toEqual(Array(3).fill(new Error('gone')));
  });

  it('ends with an input that does not come', async () => {
    const input = () => new Promise<{ how: 'answer' }>(() => undefined);
    await expect(work.run<typeof misbehave>(MODULE, input, { limitMs: 50 })).rejects.toThrow(TimedOut);
    expect(await run('answer')).toEqual({ given: { how: 'answer' } });
  });

  it('passes on what asking for its input throws', async () => {
    const input = () => Promise.reject<{ how: 'answer' }>(new Error('no such bytes'));
    await expect(work.run<typeof misbehave>(MODULE, input, { limitMs: 20_000 })).rejects.toThrow('no such bytes');
    expect(await run('answer')).toEqual({ given: { how: 'answer' } });
  });

  it('shows the work nothing of the environment', async () => {
    expect(await run('peek')).toEqual({});
  });
});
