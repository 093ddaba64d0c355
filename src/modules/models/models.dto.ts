import type { CatalogModel } from './model-catalog.service.js';

/** Millionths of a US dollar for a million tokens. */
class TokenPricesDto {
  /** Input that is neither read from nor written to the cache. */
  inputMicros: number;

  outputMicros: number;

  cacheReadMicros: number;

  cacheWriteMicros: number;
}

/** Prices of a call whose prompt is longer than `aboveTokens`, for every token of it. */
export class LongPromptPricesDto extends TokenPricesDto {
  aboveTokens: number;
}

export class ModelPricesDto extends TokenPricesDto {
  /** Null where a long prompt costs the same. */
  longPrompt: LongPromptPricesDto | null;
}

export class ModelDto {
  /** @example claude-sonnet-5-5 */
  name: string;

  /** @example anthropic */
  provider: string;

  /** Tokens of prompt and answer together. */
  contextWindow: number;

  maxOutputTokens: number;

  prices: ModelPricesDto;

  /** Whether its provider is configured; runs with another fail with `provider_not_configured`. */
  available: boolean;

  static of({ name, provider, contextWindow, maxOutputTokens, prices, available }: CatalogModel): ModelDto {
    const longPrompt = prices.longPrompt ? Object.assign(new LongPromptPricesDto(), prices.longPrompt) : null;
    return Object.assign(new ModelDto(), {
      name,
      provider,
      contextWindow,
      maxOutputTokens,
      prices: Object.assign(new ModelPricesDto(), prices, { longPrompt }),
      available,
    });
  }
}

export class ModelListDto {
  data: ModelDto[];
}
