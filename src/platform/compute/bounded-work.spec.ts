import { afterAll, describe, expect, it } from '@jest/globals';
import type misbehave from '../../../test/workers/misbehave.worker.js';
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

  it('shows the work nothing of the environment', async () => {
    expect(await run('peek')).toEqual({});
  });
});
