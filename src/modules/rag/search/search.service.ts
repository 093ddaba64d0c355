import { Injectable, Logger } from '@nestjs/common';
import type { Passage } from '../../../contracts/passage.js';
import { Settings } from '../../../platform/config/settings.js';
import { Db } from '../../../platform/database/db.js';
import { analyzeQuery, type QueryWords } from '../analysis/analyze.js';
import type { Language } from '../analysis/languages.js';
import type { Collection } from '../collections/collection.js';
import { CollectionsService } from '../collections/collections.service.js';
import { embedOffline, OFFLINE } from '../embeddings/offline-embedding.js';
import { EmbeddingsService } from '../embeddings/embeddings.service.js';
import { compileFilter, type CompiledFilter } from '../filters/compile-filter.js';
import { KnowledgeIndex, type SearchedCollection } from '../index/knowledge-index.service.js';
import type { CollectionWords } from '../rerank/candidate.js';
import { Rerankers } from '../rerank/rerankers.service.js';
import { FoundChunksRepository } from './found-chunks.repository.js';
import { rankedChunks, type CollectionFindings, type RankedChunk } from './ranked-chunks.js';
import { reordered } from './reordered.js';
import type { SearchAnswerDto, SearchDto, SearchMode, SearchResultDto } from './search.dto.js';
import { wordWeights } from './word-weights.js';

const DEFAULT_TOP_K = 10;
/** Chunks that each channel brings in: of two, so many that what both have is known to be had by both. */
const LEAST_DEPTH = { hybrid: 200, vector: 50, keyword: 50 };
/** How much words count beside vectors: offline these are made of words too, and are right where words are. */
const KEYWORD_WEIGHTS = { offline: 0.75, others: 0.5 };
/** Results that are looked at again. */
const RERANKED = 50;
const NO_TERMS: ReadonlyMap<string, number> = new Map();

/** What is searched for, before it is known where. */
interface Wanted {
  query: string;
  mode: SearchMode;
  filter: CompiledFilter | null;
  depth: number;
  signal?: AbortSignal;
}

type FoundWords = ReadonlyMap<string, CollectionWords>;

/** Finds the passages that fit best. */
@Injectable()
export class SearchService {
  private readonly logger = new Logger('Search');

  constructor(
    private readonly collections: CollectionsService,
    private readonly embeddings: EmbeddingsService,
    private readonly index: KnowledgeIndex,
    private readonly chunks: FoundChunksRepository,
    private readonly rerankers: Rerankers,
    private readonly settings: Settings,
    private readonly db: Db,
  ) {}

  /** @throws ValidationFailed, what the provider of embeddings throws */
  async search(dto: SearchDto, signal?: AbortSignal): Promise<SearchAnswerDto> {
    const startedAt = performance.now();
    const filter = dto.filter ? compileFilter(dto.filter, 'd.metadata') : null;
    const collections = await this.collections.requireAll(dto.collectionIds, 'collectionIds');
    const results = await this.searchIn(collections, { ...dto, filter, signal });
    return { results, tookMs: Math.round((performance.now() - startedAt) * 10) / 10 };
  }

  /** Of collections that the caller may read. @throws what the provider of embeddings throws */
  async searchIn(
    collections: readonly Collection[],
    asked: Pick<SearchDto, 'query' | 'topK' | 'mode' | 'minScore' | 'rerank'> & {
      filter: CompiledFilter | null;
      signal?: AbortSignal;
    },
  ): Promise<SearchResultDto[]> {
    const { query, filter, signal } = asked;
    // Null is absent.
    const [topK, mode, minScore] = [asked.topK ?? DEFAULT_TOP_K, asked.mode ?? 'hybrid', asked.minScore ?? 0];
    const depth = Math.max(LEAST_DEPTH[mode], 2 * topK);
    const wanted = { query, mode, filter, depth, signal };
    const isGoodEnough = ({ score }: { score: number }): boolean => score >= minScore;
    if (!asked.rerank)
      return this.find(collections, wanted, async (ranked) =>
        this.chunks.shown(ranked.filter(isGoodEnough).slice(0, topK)),
      );
    const found = await this.find(collections, wanted, async (ranked, words) => {
      return { results: await this.chunks.shown(ranked.slice(0, Math.max(topK, RERANKED))), words };
    });
    return (await this.lookedAt(query, found, signal)).filter(isGoodEnough).slice(0, topK);
  }

  private async lookedAt(
    query: string,
    { results, words }: { results: SearchResultDto[]; words: FoundWords },
    signal?: AbortSignal,
  ): Promise<SearchResultDto[]> {
    const candidates = results.slice(0, RERANKED).flatMap((result) => {
      const of = words.get(result.collectionId);
      return of ? [{ ...result, words: of }] : [];
    });
    return reordered(results, await this.rerankers.look(query, candidates, signal));
  }

  /** The documents that fit best, each by its best chunk. @throws ValidationFailed, what the provider throws */
  async rankDocuments(
    { collectionIds, query, mode }: { collectionIds: readonly string[]; query: string; mode: SearchMode },
    most: number,
  ): Promise<string[]> {
    const collections = await this.collections.requireAll(collectionIds, 'collectionIds');
    const wanted = { query, mode, filter: null, depth: 4 * most };
    return this.find(collections, wanted, async (ranked) => {
      const found = await this.chunks.documentsOf(ranked);
      return [...new Set(found)].slice(0, most);
    });
  }

  /** `read` is called in the transaction in which it was found, so that nothing of it is gone yet. */
  private async find<T>(
    collections: readonly Collection[],
    { query, mode, filter, depth, signal }: Wanted,
    read: (ranked: RankedChunk[], words: FoundWords) => Promise<T>,
  ): Promise<T> {
    const words = await wordsOf(collections, query);
    const vectors = mode === 'keyword' ? null : await this.vectorsOf(collections, { query, mode, signal });
    const searched = collections.map(({ id, spaceId, dimensions, embeddingModel, language }): SearchedCollection => {
      const asWords = words.get(language);
      const vector =
        asWords && embeddingModel === OFFLINE ? weighedVector(query, asWords) : vectors?.get(embeddingModel);
      return {
        space: { collectionId: id, spaceId, dimensions },
        vector: (mode !== 'keyword' && vector) || null,
        terms: asWords?.terms ?? null,
        byWords: mode !== 'vector',
      };
    });
    return this.db.run(
      async () => {
        const found = await this.index.search({ collections: searched, filter, depth });
        const findings = found.map((of, n) => ({ ...of, terms: searched[n]?.terms ?? NO_TERMS }));
        const ranked = rankedChunks(findings, { mode, depth, keywordWeight: this.keywordWeight(collections) });
        return read(ranked, foundWords(collections, findings));
      },
      { asOfOneMoment: true },
    );
  }

  /** Of several collections the mean: what is found in them becomes one ranking. */
  private keywordWeight(collections: readonly Collection[]): number {
    const { offline, others } = KEYWORD_WEIGHTS;
    const weights = collections.map(({ embeddingModel }) => (embeddingModel === OFFLINE ? offline : others));
    return this.settings.search.keywordWeight ?? weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  }

  /**
   * Of the query, by each model of a provider that there is something of. Beside others, a collection whose provider fails
   * is searched by words alone, where these are asked for too.
   */
  private async vectorsOf(
    collections: readonly Collection[],
    { query, mode, signal }: Pick<Wanted, 'query' | 'mode' | 'signal'>,
  ): Promise<Map<string, Float32Array>> {
    const models = new Set(collections.flatMap((one) => (one.chunkCount > 0 ? one.embeddingModel : [])));
    const providers = [...models].filter((model) => model !== OFFLINE);
    const embedded = await Promise.allSettled(
      providers.map(async (model) => [model, await this.embeddings.embedQuery(model, query, { signal })] as const),
    );
    const failed = embedded.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    const isLeft = mode === 'hybrid' && failed.length < models.size && !signal?.aborted;
    if (failed.length > 0 && !isLeft) throw failed[0];
    for (const reason of failed) this.logger.warn({ err: reason }, 'A collection is searched by words alone');
    return new Map(embedded.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
  }
}

function foundWords(collections: readonly Collection[], findings: readonly CollectionFindings[]): FoundWords {
  const words = collections.map(({ id, language }, n) => {
    const { having, chunkCount } = findings[n]?.frequencies ?? { having: NO_TERMS, chunkCount: 0 };
    return [id, { language: language as Language, having, chunkCount }] as const;
  });
  return new Map(words);
}

/** A result as models are given it. */
export function passageOf(result: SearchResultDto): Passage {
  const { chunkId, documentId, documentTitle, content, page, headingPath } = result;
  return { chunkId, documentId, title: documentTitle, content, page, headingPath };
}

/** Offline, the rarer a word is where it is searched for, the more it counts. */
function weighedVector(query: string, words: QueryWords): SearchedCollection['vector'] {
  return async ({ having, chunkCount }) => {
    const [vector] = await embedOffline([query], wordWeights(words, having, chunkCount));
    if (!vector) throw new Error('A text was embedded to nothing');
    return vector;
  };
}

/** Of the query, in each language that there is. */
async function wordsOf(collections: readonly Collection[], query: string): Promise<Map<string, QueryWords>> {
  const languages = new Set(collections.map(({ language }) => language as Language));
  const read = [...languages].map(async (language) => [language, await analyzeQuery(query, language)] as const);
  return new Map(await Promise.all(read));
}
