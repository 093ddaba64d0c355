export interface RerankModel {
  /** As Voyage calls it. */
  name: string;
  /** Millionths of a US dollar for a million tokens; read on 2026-11-21. */
  inputMicros: number;
  /** Of the query; the model reads a passage together with it. */
  maxQueryTokens: number;
  maxPairTokens: number;
}

export const RERANK_MODELS: readonly RerankModel[] = [
  { name: 'rerank-2.5', inputMicros: 50_000, maxQueryTokens: 8_000, maxPairTokens: 32_000 },
  { name: 'rerank-2.5-lite', inputMicros: 20_000, maxQueryTokens: 8_000, maxPairTokens: 32_000 },
  { name: 'rerank-2', inputMicros: 50_000, maxQueryTokens: 4_000, maxPairTokens: 16_000 },
  { name: 'rerank-2-lite', inputMicros: 20_000, maxQueryTokens: 2_000, maxPairTokens: 8_000 },
];

/** By `voyage:name` or `name`. */
export function findRerankModel(name: string): RerankModel | undefined {
  return RERANK_MODELS.find((model) => model.name === name || `voyage:${model.name}` === name);
}
