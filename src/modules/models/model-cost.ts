import type { ModelUsage } from './model-client.js';
import type { ModelPrices } from './model-list.js';

const TOKENS_PER_PRICE = 1_000_000n;

/**
 * What one model call cost, in millionths of a US dollar, rounded up once at the end. The usage must be that of a single
 * call: long prompts have prices of their own, so sums of several calls cannot be priced.
 */
export function costMicros(prices: ModelPrices, usage: ModelUsage): number {
  const promptTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
  const long = prices.longPrompt;
  const { inputMicros, outputMicros, cacheReadMicros, cacheWriteMicros } =
    long && promptTokens > long.aboveTokens ? long : prices;
  const total =
    BigInt(usage.inputTokens) * BigInt(inputMicros) +
    BigInt(usage.outputTokens) * BigInt(outputMicros) +
    BigInt(usage.cacheReadTokens) * BigInt(cacheReadMicros) +
    BigInt(usage.cacheWriteTokens) * BigInt(cacheWriteMicros);
  return Number((total + TOKENS_PER_PRICE - 1n) / TOKENS_PER_PRICE);
}
