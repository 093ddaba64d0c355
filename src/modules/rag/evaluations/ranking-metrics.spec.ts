import { describe, expect, it } from '@jest/globals';
import { added, mean, metricsOf, NO_METRICS } from './ranking-metrics.js';

describe('The metrics of a ranking', () => {
  it('are all 1 where everything relevant stands first', () => {
    expect(metricsOf(['a', 'b', 'x'], new Set(['b', 'a']))).toEqual({
      ndcgAt10: 1,
      recallAt10: 1,
      recallAt100: 1,
      mrr: 1,
    });
  });

  it('are all 0 where nothing is found', () => {
    expect(metricsOf(['x', 'y'], new Set(['a']))).toEqual(NO_METRICS);
    expect(metricsOf([], new Set(['a']))).toEqual(NO_METRICS);
  });

  it('weigh a hit by its rank', () => {
    const { ndcgAt10, mrr } = metricsOf(['x', 'y', 'a'], new Set(['a']));
    expect(ndcgAt10).toBeCloseTo(1 / Math.log2(4), 10);
    expect(mrr).toBeCloseTo(1 / 3, 10);
  });

  it('count two of four, one of them late', () => {
    const ranking = ['a', ...Array.from({ length: 20 }, (_, at) => `x${at}`), 'b'];
    const metrics = metricsOf(ranking, new Set(['a', 'b', 'c', 'd']));
    expect(metrics).toMatchObject({ recallAt10: 0.25, recallAt100: 0.5, mrr: 1 });
    expect(metrics.ndcgAt10).toBeCloseTo(1 / (1 + 1 / Math.log2(3) + 1 / Math.log2(4) + 1 / Math.log2(5)), 10);
  });

  it('see nothing beyond the hundredth', () => {
    expect(metricsOf([...Array.from({ length: 100 }, (_, at) => `x${at}`), 'a'], new Set(['a']))).toEqual(NO_METRICS);
  });

  it('are averaged over rankings', () => {
    const sums = added(metricsOf(['a'], new Set(['a'])), metricsOf(['x', 'a'], new Set(['a'])));
    expect(mean(sums, 2)).toEqual({ ndcgAt10: 0.8155, recallAt10: 1, recallAt100: 1, mrr: 0.75 });
  });
});
