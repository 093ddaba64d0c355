import { Injectable } from '@nestjs/common';
import { Settings } from '../../../platform/config/settings.js';
import { Breakers } from '../../../platform/resilience/breakers.js';
import { Retry } from '../../../platform/resilience/retry.js';
import { ModelCatalog } from '../../models/model-catalog.service.js';
import { ModelsService } from '../../models/models.service.js';
import { ProviderNotConfigured } from '../../models/model-errors.js';
import { EmbeddingUsesRepository } from '../embeddings/embedding-uses.repository.js';
import { VOYAGE_URL } from '../embeddings/embedding-clients.js';
import { ProviderAttempts } from '../embeddings/provider-attempts.js';
import type { Candidate, Look, Reranker } from './candidate.js';
import { ModelReranker } from './model-reranker.js';
import { OfflineReranker } from './offline-reranker.js';
import { findRerankModel } from './rerank-models.js';
import { VoyageReranker } from './voyage-reranker.js';

const NEVER = new AbortController().signal;

/** The closer look that this installation takes at what a search has found: `RERANK_MODEL`. */
@Injectable()
export class Rerankers {
  private readonly reranker: Reranker;

  constructor(
    { search, embeddings }: Settings,
    uses: EmbeddingUsesRepository,
    models: ModelsService,
    catalog: ModelCatalog,
    breakers: Breakers,
    retry: Retry,
  ) {
    const { rerankModel: name } = search;
    const model = findRerankModel(name);
    const { apiKey, baseUrl } = embeddings.voyage;
    if (name === 'offline') this.reranker = new OfflineReranker();
    else if (!model) this.reranker = new ModelReranker(name, models, catalog, uses);
    else {
      if (apiKey === null) throw new ProviderNotConfigured('voyage');
      const options = { model, baseUrl: baseUrl ?? VOYAGE_URL, apiKey };
      this.reranker = new VoyageReranker(options, uses, new ProviderAttempts(breakers, retry));
    }
  }

  /**
   * Not to be called inside a transaction. A provider that fails makes the search fail: results in another order than
   * was asked for would not be told from those in it.
   * @throws DomainError, or the signal's reason
   */
  async look(
    query: string,
    candidates: readonly Candidate[],
    signal: AbortSignal = NEVER,
  ): Promise<readonly (Look | null)[]> {
    return candidates.length === 0 ? [] : this.reranker.look({ query, candidates, signal });
  }
}
