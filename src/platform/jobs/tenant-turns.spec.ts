import { describe, expect, it } from '@jest/globals';
import { TenantTurns } from './tenant-turns.js';

describe('TenantTurns', () => {
  it('leaves slots to others, and does what waits when its turn comes, once', async () => {
    const turns = new TenantTurns(2);
    const done: string[] = [];
    const ends = new Map<string, () => void>();
    const work = (name: string) => async () => {
      await new Promise<void>((resolve) => ends.set(name, resolve));
      done.push(name);
    };
    const [first, second] = [turns.take('a', '1', work('a1')), turns.take('a', '2', work('a2'))];
    await turns.take('a', '3', work('a3'));
    await turns.take('a', '3', work('a3'));
    const other = turns.take('b', '1', work('b1'));
    expect([...ends.keys()]).toEqual(['a1', 'a2', 'b1']);
    ends.get('b1')?.();
    await other;
    ends.get('a2')?.();
    await new Promise(setImmediate);
    expect([...ends.keys()]).toEqual(['a1', 'a2', 'b1', 'a3']);
    ends.get('a3')?.();
    await second;
    ends.get('a1')?.();
    await first;
    expect(done).toEqual(['b1', 'a2', 'a3', 'a1']);
  });

  it('goes on after work that fails', async () => {
    const turns = new TenantTurns(1);
    const failing = turns.take('a', '1', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    let isDone = false;
    await turns.take('a', '2', async () => void (isDone = true));
    expect(isDone).toBe(true);
  });
});
