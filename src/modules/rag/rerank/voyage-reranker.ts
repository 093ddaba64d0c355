import { estimateTokens, firstTokens } from '../../models/token-estimate.js';
import type { EmbeddingUsesRepository } from '../embeddings/embedding-uses.repository.js';
import { malformed, toldTokens } from '../embeddings/provider-answer.js';
import type { ProviderAttempts } from '../embeddings/provider-attempts.js';
import { callProvider, MORE_BYTES } from '../embeddings/provider-call.js';
import { tokensPrice } from '../embeddings/tokens-price.js';
import { shownText, type Look, type Reranker, type Reranking } from './candidate.js';
import type { RerankModel } from './rerank-models.js';

/** Someone waits. */
const TIMEOUT_MS = 15_000;
const WHO = { provider: 'voyage', what: 'Reranking' };

interface Options {
  model: RerankModel;
  /** Without `/rerank`. */
  baseUrl: string;
  apiKey: string;
}

interface Request {
  query: string;
  documents: string[];
  /** By our estimate, should the provider not say. */
  tokens: number;
  signal: AbortSignal;
}

/** Voyage's models that read a passage together with the query. */
export class VoyageReranker implements Reranker {
  constructor(
    private readonly options: Options,
    private readonly uses: EmbeddingUsesRepository,
    private readonly attempts: ProviderAttempts,
  ) {}

  /** @throws DomainError, or the signal's reason */
  async look({ query, candidates, signal }: Reranking): Promise<(Look | null)[]> {
    const { maxQueryTokens, maxPairTokens } = this.options.model;
    const asked = firstTokens(query, maxQueryTokens);
    const queryTokens = estimateTokens(asked);
    const documents = candidates.map((candidate) => firstTokens(shownText(candidate), maxPairTokens - queryTokens));
    const tokens = documents.reduce((sum, text) => sum + queryTokens + estimateTokens(text), 0);
    const relevance = await this.attempts.repeated(signal, () =>
      this.attempt({ query: asked, documents, tokens, signal }),
    );
    return candidates.map((_, index) => {
      const score = relevance.get(index);
      return score === undefined ? null : { relevance: score, score };
    });
  }

  private attempt({ query, documents, tokens, signal }: Request): Promise<Map<number, number>> {
    const { model, baseUrl, apiKey } = this.options;
    return this.attempts.guarded(`rerank:voyage:${model.name}`, signal, async () => {
      const answer = await callProvider({
        ...{ ...WHO, url: `${baseUrl.replace(/\/+$/, '')}/rerank`, apiKey, signal },
        body: { model: model.name, query, documents, top_k: documents.length, truncation: true },
        ...{ timeoutMs: TIMEOUT_MS, mostBytes: MORE_BYTES },
      });
      await this.pay(answer, tokens);
      return readRelevance(answer, documents.length);
    });
  }

  /** What is answered is billed, whether it is of use or not. */
  private async pay(answer: unknown, ownCount: number): Promise<void> {
    const told = toldTokens(answer);
    const inputTokens = told ?? ownCount;
    const { name, inputMicros } = this.options.model;
    const costMicros = tokensPrice(inputTokens, inputMicros);
    const use = { model: `voyage:${name}`, purpose: 'rerank', inputTokens, costMicros } as const;
    await this.uses.add({ ...use, estimated: told === null, collectionId: null });
  }
}

/** `{data: [{index, relevance_score}]}`. */
function readRelevance(answer: unknown, documents: number): Map<number, number> {
  const { data } = (answer ?? {}) as { data?: unknown };
  if (!Array.isArray(data)) throw malformed(WHO, 'it has no data');
  const relevance = new Map<number, number>();
  for (const entry of data as unknown[]) {
    const { index, relevance_score: score } = (entry ?? {}) as { index?: unknown; relevance_score?: unknown };
    if (!Number.isInteger(index) || Number(index) < 0 || Number(index) >= documents || typeof score !== 'number')
      throw malformed(WHO, 'a score has no place');
    relevance.set(Number(index), Math.min(1, Math.max(0, score)));
  }
  if (relevance.size !== documents) throw malformed(WHO, `there are ${relevance.size} scores for ${documents} texts`);
  return relevance;
}
