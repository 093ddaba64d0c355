import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { DocumentsFilterRepository } from './documents-filter.repository.js';
import { IndexUpkeep } from './index-upkeep.sweeper.js';
import type { ChunkPlace, IndexedChunk } from './indexed-chunk.js';
import { KeywordSearchRepository, type WordFrequencies } from './keyword-search.repository.js';
import { MatchingDocuments, type DocumentFilter } from './matching-documents.js';
import { PostingsRepository } from './postings.repository.js';
import type { IndexedSpace } from './vector-space.js';
import { VectorSearchRepository } from './vector-search.repository.js';
import { VectorsRepository, type NewVector, type PlacedSpace } from './vectors.repository.js';

export type { ChunkPlace, IndexedChunk } from './indexed-chunk.js';
export type { WordFrequencies } from './keyword-search.repository.js';
export type { DocumentFilter } from './matching-documents.js';
export type { IndexedSpace } from './vector-space.js';

/** A collection, and what it is searched for: each channel whose part is null is left out. */
export interface SearchedCollection {
  /** The space that serves. */
  space: IndexedSpace;
  /** May depend on how rare the words are where they are searched for; then `terms` are read first. */
  vector: Float32Array | ((frequencies: WordFrequencies) => Promise<Float32Array>) | null;
  /** Words of the query as the collection's language has them, and how often each is in it. */
  terms: ReadonlyMap<string, number> | null;
  /** False: the terms are for the vector alone. */
  byWords: boolean;
}

export interface IndexSearch {
  collections: readonly SearchedCollection[];
  filter: DocumentFilter | null;
  /** Candidates of each channel, of each collection. */
  depth: number;
}

/** The best first; `score` is the cosine, or BM25. */
export type Ranking = (ChunkPlace & { score: number })[];

/** Of one collection. */
export interface IndexFindings {
  vector: Ranking;
  keyword: Ranking;
  frequencies: WordFrequencies;
}

/** Where the chunks of documents are found: by their vectors, and by their words. All of it is the current tenant's. */
@Injectable()
export class KnowledgeIndex {
  constructor(
    private readonly vectors: VectorsRepository,
    private readonly postings: PostingsRepository,
    private readonly filters: DocumentsFilterRepository,
    private readonly vectorSearch: VectorSearchRepository,
    private readonly keywordSearch: KeywordSearchRepository,
    private readonly upkeep: IndexUpkeep,
    private readonly db: Db,
  ) {}

  /** Before vectors of a dimension are stored, in no transaction. Done once; free afterwards. */
  prepare(dimensions: number): Promise<void> {
    return this.vectors.prepare(dimensions);
  }

  /** Of successive chunks of a version. The same chunks given again take the place of those before. */
  async addPostings(collectionId: string, number: number, chunks: readonly IndexedChunk[]): Promise<void> {
    await this.postings.add(collectionId, number, chunks);
    this.db.afterCommit(() => this.upkeep.soon());
  }

  /** Of chunks that are stored. What is there already is left as it is. */
  async addVectors(space: IndexedSpace, number: number, vectors: readonly NewVector[]): Promise<void> {
    if (vectors.length > 0) await this.vectors.add(space, number, vectors);
  }

  /** Takes over vectors that the space has for the same texts; returns the positions of chunks that still lack one. */
  async reuseVectors(space: IndexedSpace, number: number): Promise<number[]> {
    const placed = await this.place(space);
    await this.vectors.reuse(placed, number);
    return this.vectors.missing(placed, number);
  }

  async lacksVectors(space: IndexedSpace, number: number): Promise<boolean> {
    return this.vectors.lacksAny(await this.place(space), number);
  }

  /** Deletes at most `most` rows of a version that is not live any more; returns how many, 0 when it is done. */
  async dropVersion(collectionId: string, number: number, most: number): Promise<number> {
    await this.postings.dropVersion(collectionId, number);
    for (const space of await this.vectors.spacesOf(collectionId)) {
      const dropped = await this.vectors.drop(space, number, most);
      if (dropped > 0) return dropped;
    }
    return 0;
  }

  /** The same of all vectors of a space that serves no more. */
  async dropSpace(space: IndexedSpace, most: number): Promise<number> {
    const dropped = await this.vectors.drop(space, null, most);
    if (dropped === 0) await this.vectors.forgetSpace(space);
    return dropped;
  }

  /** The same of a collection that is marked as deleted. */
  async dropCollection(collectionId: string, most: number): Promise<number> {
    for (const space of await this.vectors.spacesOf(collectionId)) {
      const dropped = await this.vectors.drop(space, null, most);
      if (dropped > 0) return dropped;
    }
    return this.postings.dropCollection(collectionId, most);
  }

  /**
   * In a transaction of its caller's that is `asOfOneMoment`, or else in one of its own: versions that change places
   * meanwhile are then neither mixed nor missed.
   */
  async search({ collections, filter, depth }: IndexSearch): Promise<IndexFindings[]> {
    return this.db.run(
      async () => {
        const spaces = collections.map(({ space }) => space);
        const matching = filter && (await this.filters.matching(spaces, filter));
        const searched = collections.map((collection) => {
          const { collectionId } = collection.space;
          return this.searchOne(collection, depth, matching?.get(collectionId) ?? MatchingDocuments.all());
        });
        return Promise.all(searched);
      },
      { asOfOneMoment: true },
    );
  }

  private async searchOne(
    { space, vector, terms, byWords }: SearchedCollection,
    depth: number,
    matching: MatchingDocuments,
  ): Promise<IndexFindings> {
    const { collectionId } = space;
    const nearest = async (wanted: Float32Array): Promise<Ranking> => {
      const neighbours = await this.vectorSearch.nearest({ space, vector: wanted, most: depth, matching });
      return neighbours.map(({ number, position, similarity }) => ({
        collectionId,
        number,
        position,
        score: similarity,
      }));
    };
    const query = { collectionId, terms: terms ?? new Map<string, number>(), most: byWords ? depth : 0, matching };
    const words = this.keywordSearch.best(query);
    const near =
      typeof vector === 'function'
        ? words.then(async ({ frequencies }) => nearest(await vector(frequencies)))
        : Promise.resolve(vector ? nearest(vector) : []);
    const [{ candidates, frequencies }, neighbours] = await Promise.all([words, near]);
    return {
      vector: neighbours,
      keyword: candidates.map((candidate) => ({ collectionId, ...candidate })),
      frequencies,
    };
  }

  private async place(space: IndexedSpace): Promise<PlacedSpace> {
    const [placed] = await this.vectors.place([space]);
    return placed ?? { ...space, tables: [] };
  }
}
