import { describe, expect, it } from '@jest/globals';
import { cosineScore, fuse, keywordScore, mostOfQuery, type Channel } from './fusion.js';

function channel(scores: Record<string, number>, isCut = true): Channel {
  return { hits: Object.entries(scores).map(([id, score]) => ({ id, score })), isCut };
}
const NOTHING = channel({}, false);
const order = (hits: { id: string }[]): string[] => hits.map(({ id }) => id);

describe('fuse', () => {
  it('puts first what both channels find', () => {
    const fused = fuse(channel({ a: 0.6, b: 0.5, c: 0.1 }), channel({ d: 0.6, b: 0.55, e: 0.2 }), 0.5);
    expect(order(fused)).toEqual(['b', 'a', 'd', 'c', 'e']);
    expect(fused[1]).toMatchObject({ keyword: 0.6, vector: null });
    expect(fused[2]).toMatchObject({ keyword: null, vector: 0.6 });
  });

  it('weighs the channels', () => {
    const [words, vectors] = [channel({ a: 0.5, b: 0.1 }), channel({ b: 0.5, a: 0.1 })];
    expect(order(fuse(words, vectors, 0.75))).toEqual(['a', 'b']);
    expect(order(fuse(words, vectors, 0.25))).toEqual(['b', 'a']);
  });

  it.each([
    ['words', channel({ a: 0.5, b: 0.2 }), NOTHING],
    ['vectors', NOTHING, channel({ a: 0.5, b: 0.2 })],
  ])('keeps the order of %s where the other channel finds nothing', (_, words, vectors) => {
    expect(order(fuse(words, vectors, 0.75))).toEqual(['a', 'b']);
  });

  it('holds nothing against the last of a list that is whole', () => {
    const fused = fuse(channel({ a: 0.5, b: 0.49 }, false), NOTHING, 1);
    expect(fused[1]!.score).toBeCloseTo(fused[0]!.score * 0.98, 5);
  });

  it('scores the best of both as the channels do, and all from 0 to 1 in their order', () => {
    const fused = fuse(channel({ a: 0.4, b: 0.3, c: 0.2 }), channel({ a: 0.8, c: 0.7, d: 0 }), 0.5);
    expect(fused[0]).toEqual({ id: 'a', score: expect.closeTo(0.6, 5), keyword: 0.4, vector: 0.8 });
    const scores = fused.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    for (const score of scores) expect(score >= 0 && score <= 1).toBe(true);
  });

  it('gives nothing for vectors without direction', () => {
    const fused = fuse(channel({ a: 0.4 }), channel({ b: 0, c: 0 }), 0.5);
    expect(order(fused)).toEqual(['a', 'b', 'c']);
    expect(fused[1]!.score).toBe(0);
  });

  it('takes one alike hit after the other, and none at all', () => {
    expect(order(fuse(channel({ a: 0.5, b: 0.5 }), NOTHING, 0.5))).toEqual(['a', 'b']);
    expect(fuse(NOTHING, NOTHING, 0.5)).toEqual([]);
  });
});

describe('Scores of one channel', () => {
  it('are from 0 to 1', () => {
    expect([-1, -0.1, 0, 0.5, 1.000001].map(cosineScore)).toEqual([0, 0, 0, 0.5, 1]);
    expect(keywordScore(5, 10)).toBe(0.5);
    expect(keywordScore(0, 0)).toBe(0);
  });

  it('say how much of the query is there: a word that nobody has counts too', () => {
    const terms = new Map([
      ['cat', 1],
      ['zebra', 1],
    ]);
    const found = mostOfQuery(new Map([['cat', 1]]), new Map([['cat', 3]]), 10);
    expect(mostOfQuery(terms, new Map([['cat', 3]]), 10)).toBeGreaterThan(2 * found);
  });
});
