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

  it('shows the work nothing of the environment', async () => {
    expect(await run('peek')).toEqual({});
  });
});
