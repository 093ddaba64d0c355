import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ProviderPace } from './provider-pace.js';

const PLENTY = { concurrency: 3, requestsPerMinute: 60_000_000, tokensPerMinute: 60_000_000 };
const signal = new AbortController().signal;

/** Calls in the order in which they began, each ended when told so. */
function calls(pace: ProviderPace) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const begin = async (name: string, purpose: 'query' | 'document', tokens = 1): Promise<void> => {
    ends.set(name, await pace.begin(purpose, tokens, signal));
    begun.push(name);
  };
  const end = async (name: string) => {
    ends.get(name)?.();
    await sleep(5);
  };
  return { begun, begin, end };
}

describe('the pace of a provider', () => {
  it('lets a few calls go at once, and queries before documents', async () => {
    const { begun, begin, end } = calls(new ProviderPace(PLENTY));
    for (const name of ['d1', 'd2', 'd3', 'd4']) void begin(name, 'document');
    for (const name of ['q1', 'q2']) void begin(name, 'query');
    await sleep(5);
    expect(begun).toEqual(['d1', 'd2', 'q1']);
    await end('d1');
    expect(begun).toEqual(['d1', 'd2', 'q1', 'q2']);
    await end('d2');
    await end('q1');
    expect(begun.slice(4)).toEqual(['d3']);
    await end('q2');
    expect(begun.slice(5)).toEqual(['d4']);
  });

  it('waits until there is room for tokens again, and goes on by itself', async () => {
    const { begun, begin } = calls(new ProviderPace({ ...PLENTY, tokensPerMinute: 60_000 }));
    void begin('all', 'document', 60_000);
    const next = begin('more', 'document', 100);
    await sleep(5);
    expect(begun).toEqual(['all']);
    await next;
    expect(begun).toEqual(['all', 'more']);
  });

  it('takes a call beyond a minute’s share as one that fills it', async () => {
    const { begin, begun } = calls(new ProviderPace({ ...PLENTY, tokensPerMinute: 100 }));
    await begin('large', 'document', 1_000);
    expect(begun).toEqual(['large']);
  });

  it('holds all calls for as long as the provider asked', async () => {
    const pace = new ProviderPace(PLENTY);
    const { begun, begin } = calls(pace);
    pace.holdFor(100);
    const held = begin('held', 'query');
    await sleep(20);
    expect(begun).toEqual([]);
    await held;
    expect(begun).toEqual(['held']);
  });

  it('lets those go who no longer wait, and takes no place for them', async () => {
    const pace = new ProviderPace({ ...PLENTY, concurrency: 1 });
    const { begun, begin, end } = calls(pace);
    await begin('first', 'document');
    const caller = new AbortController();
    const left = pace.begin('document', 1, caller.signal);
    void begin('next', 'document');
    caller.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await expect(pace.begin('query', 1, caller.signal)).rejects.toThrow('gone');
    await end('first');
    expect(begun).toEqual(['first', 'next']);
  });
});
