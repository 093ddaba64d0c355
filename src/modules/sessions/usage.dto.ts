/** What model calls took and cost; on runs, sessions and messages alike. */
export class UsageDto {
  /** Input tokens neither read from nor written to the cache. */
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  /** Millionths of a US dollar. */
  costMicros: number;
  /** True when a provider's own count never came and ours stands in for it. */
  estimated: boolean;
}
