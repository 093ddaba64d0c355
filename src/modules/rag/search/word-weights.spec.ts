import { describe, expect, it } from '@jest/globals';
import { analyzeQuery } from '../analysis/analyze.js';
import { wordWeights } from './word-weights.js';

describe('wordWeights', () => {
  it('lets a word weigh the more the rarer it is', async () => {
    const query = await analyzeQuery('the telomerase of cells unheard', 'english');
    const having = new Map([
      ['telomeras', 3],
      ['cell', 900],
    ]);
    const weights = wordWeights(query, having, 1_000)!;
    expect(weights.get('the')).toBe(0);
    expect(weights.get('cells')).toBeLessThan(weights.get('telomerase')!);
    expect(weights.get('unheard')).toBe(1);
  });

  it('weighs nothing where all are function words', async () => {
    expect(wordWeights(await analyzeQuery('to be or not to be', 'english'), new Map(), 10)).toBeUndefined();
  });

  it('bears an empty collection', async () => {
    const weights = wordWeights(await analyzeQuery('cells', 'english'), new Map(), 0)!;
    expect(weights.get('cells')).toBe(1);
  });
});
