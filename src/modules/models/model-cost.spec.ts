import { describe, expect, it } from '@jest/globals';
import type { ModelUsage } from './model-client.js';
import { costMicros } from './model-cost.js';
import { knownModels } from './model-list.js';

const prices = {
  inputMicros: 3_000_000,
  outputMicros: 15_000_000,
  cacheReadMicros: 300_000,
  cacheWriteMicros: 3_750_000,
};

function used(usage: Partial<ModelUsage>): ModelUsage {
  return { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: false, ...usage };
}

describe('costMicros', () => {
  it('is nothing for nothing', () => {
    expect(costMicros(prices, used({}))).toBe(0);
  });

  it('adds up the four kinds', () => {
    const usage = used({
      inputTokens: 1_000_000,
      outputTokens: 100_000,
      cacheReadTokens: 2_000_000,
      cacheWriteTokens: 200_000,
    });
    expect(costMicros(prices, usage)).toBe(3_000_000 + 1_500_000 + 600_000 + 750_000);
  });

  it('rounds up once, after adding', () => {
    // 0.3 + 3.75 = 4.05, where rounding each would give 5 as well; 0.3 + 0.3 = 0.6, where it would give 2.
    expect(costMicros(prices, used({ cacheReadTokens: 1, cacheWriteTokens: 1 }))).toBe(5);
    expect(costMicros({ ...prices, inputMicros: 300_000 }, used({ cacheReadTokens: 1, inputTokens: 1 }))).toBe(1);
  });

  it('does not round up what is whole', () => {
    expect(costMicros(prices, used({ cacheReadTokens: 10 }))).toBe(3);
  });

  it('stays exact beyond what floating point can hold', () => {
    const usage = used({ inputTokens: 9_007_199_254_740_991, outputTokens: 1 });
    expect(BigInt(costMicros({ ...prices, inputMicros: 1, outputMicros: 9 }, usage))).toBe(9_007_199_255n);
  });

  it('prices every token of a call with a long prompt higher, cached tokens counting as prompt', () => {
    const haiku = knownModels(null).find((model) => model.name === 'claude-haiku-5-5')!.prices;
    expect(costMicros(haiku, used({ inputTokens: 50_000, cacheReadTokens: 50_000, outputTokens: 1000 }))).toBe(
      5000 + 500 + 500,
    );
    expect(costMicros(haiku, used({ inputTokens: 50_000, cacheReadTokens: 50_001, outputTokens: 1000 }))).toBe(
      25_000 + 2501 + 2500,
    );
  });
});
