import { describe, expect, it } from '@jest/globals';
import { RecentRings } from './recent-rings.js';

describe('RecentRings', () => {
  it('rings again after pauses that double up to thirty seconds', () => {
    let now = 0;
    const rings = new RecentRings(() => now);
    const rungAt: number[] = [];
    for (; now < 100_000; now += 1_000) if (rings.due('a', 2_000)) rungAt.push(now / 1_000);
    expect(rungAt).toEqual([0, 2, 6, 14, 30, 60, 90]);
  });

  it('keeps no more than ten thousand, and forgets the oldest first', () => {
    const rings = new RecentRings(() => 0);
    for (let i = 0; i <= 10_000; i++) rings.due(String(i), 30_000);
    expect(rings.due('10000', 30_000)).toBe(false);
    expect(rings.due('1', 30_000)).toBe(false);
    expect(rings.due('0', 30_000)).toBe(true);
  });
});
