import type { ModelUsage } from '../models/model-client.js';
import type { UsageDto } from './usage.dto.js';

export const NO_USAGE: UsageDto = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  costMicros: 0,
  estimated: false,
};

export function addUsage(total: UsageDto, more: ModelUsage, costMicros: number): UsageDto {
  return {
    inputTokens: total.inputTokens + more.inputTokens,
    outputTokens: total.outputTokens + more.outputTokens,
    cacheReadTokens: total.cacheReadTokens + more.cacheReadTokens,
    cacheWriteTokens: total.cacheWriteTokens + more.cacheWriteTokens,
    costMicros: total.costMicros + costMicros,
    estimated: total.estimated || more.estimated,
  };
}

/** All four kinds count against a limit. */
export function totalTokens(usage: ModelUsage): number {
  return usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
}

/** The columns that runs and sessions keep their usage in. */
export interface UsageColumns {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  costMicros: number;
  usageEstimated: boolean;
}

export function usageOf(row: UsageColumns): UsageDto {
  return {
    inputTokens: Number(row.inputTokens),
    outputTokens: Number(row.outputTokens),
    cacheReadTokens: Number(row.cacheReadTokens),
    cacheWriteTokens: Number(row.cacheWriteTokens),
    costMicros: Number(row.costMicros),
    estimated: row.usageEstimated,
  };
}
