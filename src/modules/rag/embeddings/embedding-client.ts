import type { ListedEmbeddingModel } from './embedding-list.js';

export interface EmbeddingRequest {
  readonly texts: readonly string[];
  /** Some models embed what is searched for otherwise than what is found. */
  readonly purpose: 'document' | 'query';
  readonly signal?: AbortSignal;
}

/** What one call of a provider made of some texts. */
export interface EmbeddingBatch {
  /** Of unit length, one for each text in its order; all zeros where a text has nothing to go by. */
  readonly vectors: readonly Float32Array[];
  readonly inputTokens: number;
  readonly costMicros: number;
  /** The provider told no count of tokens, and ours stands in for it. */
  readonly estimated: boolean;
}

/** As it came, before anything of it was checked. */
export interface RawEmbeddings {
  /** By the place of their text. */
  readonly vectors: ReadonlyMap<number, Float32Array>;
  /** Null: not told. */
  readonly inputTokens: number | null;
}

/** One provider. `embed` makes one attempt; it throws DomainErrors alone, or the signal's reason when aborted. */
export interface EmbeddingClient {
  readonly provider: string;
  embed(
    model: ListedEmbeddingModel,
    request: Omit<EmbeddingRequest, 'signal'> & { signal: AbortSignal },
  ): Promise<RawEmbeddings>;
}
