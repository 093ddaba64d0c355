import { describe, expect, it } from '@jest/globals';
import type { ResourceLimits } from '../../agents/agent-definition.js';
import type { UsageDto } from '../usage.dto.js';
import { NO_USAGE } from '../usage.js';
import { exceededLimit, outputBudget } from './run-limits.js';

const limits = (part: Partial<ResourceLimits>): ResourceLimits => ({
  maxTokens: null,
  maxTurns: null,
  maxExecutionTimeMs: null,
  maxCostMicros: null,
  ...part,
});
const used = (part: Partial<UsageDto>): UsageDto => ({ ...NO_USAGE, ...part });

describe('exceededLimit', () => {
  it('is none without limits, whatever was used', () => {
    expect(exceededLimit(limits({}), 1_000, used({ inputTokens: 1e9, costMicros: 1e12 }))).toBeNull();
  });

  it.each([
    ['max_turns_exceeded', limits({ maxTurns: 2 }), 2, NO_USAGE],
    ['max_tokens_exceeded', limits({ maxTokens: 100 }), 0, used({ inputTokens: 100 })],
    ['max_cost_exceeded', limits({ maxCostMicros: 5 }), 0, used({ costMicros: 5 })],
  ])('is %s as soon as it is reached', (code, of, turns, usage) => {
    expect(exceededLimit(of, turns, usage)).toMatchObject({ code });
  });

  it('counts all four kinds of tokens', () => {
    const usage = used({ inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWriteTokens: 4 });
    expect(exceededLimit(limits({ maxTokens: 10 }), 0, usage)).toMatchObject({ code: 'max_tokens_exceeded' });
    expect(exceededLimit(limits({ maxTokens: 11 }), 0, usage)).toBeNull();
  });
});

describe('outputBudget', () => {
  const prices = {
    inputMicros: 1_000_000,
    outputMicros: 5_000_000,
    cacheReadMicros: 100_000,
    cacheWriteMicros: 2_000_000,
  };
  const model = { maxOutputTokens: 1_000, prices };

  it('is what the model can give where no limit is tighter', () => {
    expect(outputBudget(limits({ maxTokens: 10_000 }), NO_USAGE, 100, model)).toEqual({
      tokens: 1_000,
      limitedBy: null,
    });
  });

  it('leaves room for what the call reads', () => {
    const budget = outputBudget(limits({ maxTokens: 500 }), used({ outputTokens: 100 }), 150, model);
    expect(budget).toEqual({ tokens: 250, limitedBy: 'max_tokens_exceeded' });
  });

  it('is nothing where the input alone is too much', () => {
    const budget = outputBudget(limits({ maxTokens: 100 }), NO_USAGE, 100, model);
    expect(budget).toEqual({ tokens: 0, limitedBy: 'max_tokens_exceeded' });
  });

  it('counts the input at its dearest, written to the cache', () => {
    // 1,000 micro-dollars, of which 100 tokens at 2 leave 800 for output at 5.
    const budget = outputBudget(limits({ maxCostMicros: 1_100 }), used({ costMicros: 100 }), 100, model);
    expect(budget).toEqual({ tokens: 160, limitedBy: 'max_cost_exceeded' });
  });

  it('counts a long prompt at its own prices', () => {
    const longPrompt = { ...prices, outputMicros: 50_000_000, aboveTokens: 99 };
    const long = { ...model, prices: { ...prices, longPrompt } };
    expect(outputBudget(limits({ maxCostMicros: 1_000 }), NO_USAGE, 100, long).tokens).toBe(16);
    expect(outputBudget(limits({ maxCostMicros: 1_000 }), NO_USAGE, 99, long).tokens).toBe(160);
  });

  it('is set by the tighter of two limits', () => {
    const both = limits({ maxTokens: 200, maxCostMicros: 300 });
    expect(outputBudget(both, NO_USAGE, 100, model)).toEqual({ tokens: 20, limitedBy: 'max_cost_exceeded' });
    const other = limits({ maxTokens: 110, maxCostMicros: 300 });
    expect(outputBudget(other, NO_USAGE, 100, model)).toEqual({ tokens: 10, limitedBy: 'max_tokens_exceeded' });
  });

  it('is not bounded by the cost of a model that costs nothing', () => {
    const free = {
      maxOutputTokens: 50,
      prices: { inputMicros: 0, outputMicros: 0, cacheReadMicros: 0, cacheWriteMicros: 0 },
    };
    expect(outputBudget(limits({ maxCostMicros: 1 }), NO_USAGE, 1e6, free)).toEqual({ tokens: 50, limitedBy: null });
  });
});
