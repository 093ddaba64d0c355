import { describe, expect, it } from '@jest/globals';
import type { EventReader } from './event-reader.js';
import { Follows } from './follows.js';

function fakeReader() {
  const { promise, resolve } = Promise.withResolvers<'stopped'>();
  const reader = { isStopped: false, ended: promise, stop: () => resolve('stopped') };
  void promise.then(() => (reader.isStopped = true));
  return reader;
}

const open = (reader: ReturnType<typeof fakeReader>) => () => Promise.resolve(reader as unknown as EventReader);

describe('Follows', () => {
  it('replaces what was followed under the same key', async () => {
    const follows = new Follows(10);
    const [first, second] = [fakeReader(), fakeReader()];
    await follows.add('a', open(first));
    await follows.add('a', open(second));
    expect([first.isStopped, second.isStopped]).toEqual([true, false]);
  });

  it('stops a reader that was given up before it was open', async () => {
    const follows = new Follows(10);
    const reader = fakeReader();
    const adding = follows.add('a', open(reader));
    follows.clear();
    expect(await adding).toBeNull();
    expect(reader.isStopped).toBe(true);
  });

  it('refuses more than the maximum, and counts neither those that ended nor those that failed to open', async () => {
    const follows = new Follows(1);
    await expect(follows.add('a', () => Promise.reject(new Error('not found')))).rejects.toThrow('not found');
    const reader = fakeReader();
    await follows.add('a', open(reader));
    await expect(follows.add('b', open(fakeReader()))).rejects.toMatchObject({ code: 'rate_limit_error' });
    reader.stop();
    await reader.ended;
    await expect(follows.add('b', open(fakeReader()))).resolves.not.toBeNull();
  });
});
