import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { EACH, isLive } from './look-ups.js';
import type { MatchingDocuments } from './matching-documents.js';
import { vectorTable, vectorText, type IndexedSpace } from './vector-space.js';
import { VectorsRepository } from './vectors.repository.js';

export interface Neighbour {
  number: number;
  position: number;
  /** Cosine. */
  similarity: number;
}

export interface VectorQuery {
  space: IndexedSpace;
  vector: Float32Array;
  most: number;
  matching: MatchingDocuments;
}

interface Row {
  number: number;
  position: number;
  distance: number;
  live: boolean;
}

/** How far an index is looked through for each step of a search: .994 of the nearest of 62,650, in 1.5 ms. */
const EF_SEARCH = 200;
/** As much as pgvector takes. */
const MOST_EF_SEARCH = 1_000;
/** Where a filter leaves too little of that, it goes on, and gives up here; what it lacks is then searched exactly. */
const MOST_SCANNED = 20_000;

/** So many times as much is asked of an index where many versions have been replaced and are not cleared away yet. */
const MORE = 4;

/** The vectors nearest to one, of versions that are live and, where there is a filter, match it. */
@Injectable()
export class VectorSearchRepository {
  constructor(
    private readonly vectors: VectorsRepository,
    private readonly db: Db,
  ) {}

  async nearest(query: VectorQuery): Promise<Neighbour[]> {
    if (query.matching.isNone) return [];
    // In one round trip, where it is known whether there is a second table.
    const known = this.vectors.knownTables(query.space);
    const placing = known ?? this.vectors.place([query.space]).then(([placed]) => placed?.tables ?? []);
    const isThere = this.vectors.isPrepared(query.space.dimensions) || (await placing).length > 0;
    if (!isThere) return [];
    const near = this.near(vectorTable(query.space.dimensions), query, known !== null);
    const far = known ? this.far(known[1], query) : near.then(async () => this.far((await placing)[1], query));
    return merged((await Promise.all([near, far])).flat(), query.most);
  }

  /** Of what has not been moved to an index; `isRest`: of a collection that has one, and more than this. */
  private async near(table: string, query: VectorQuery, isRest = false): Promise<Row[]> {
    const { matching, most } = query;
    if (matching.numbers) return this.exact(ofVersions(table), query);
    if (!matching.isAll)
      return isRest ? this.exact(ofSpace(table, matching.condition('v')), query) : this.living(table, query);
    const wanted = wantedOf(query);
    const rows = await this.exact(ofSpace(table), query, { most: wanted, isLifeAsked: true });
    return hasEnough(rows, wanted, most) ? rows : this.living(table, query);
  }

  private async far(table: string | undefined, query: VectorQuery): Promise<Row[]> {
    if (table === undefined) return [];
    if (query.matching.numbers) return this.exact(ofVersions(table), query);
    const few = wantedOf(query);
    for (const wanted of [few, MORE * few]) {
      const rows = await this.byIndex(table, query, wanted);
      // Fewer: the index gave up, or there are no more.
      if (rows.length < wanted) break;
      if (hasEnough(rows, wanted, query.most)) return rows;
    }
    return this.living(table, query);
  }

  /** What is not live, or does not match, is left out before the best are taken. */
  private living(table: string, query: VectorQuery): Promise<Row[]> {
    return this.exact(ofSpace(table, query.matching.livingConditionOfMany('v')), query);
  }

  /** Compares one by one. */
  private exact(vectors: string, query: VectorQuery, { most = query.most, isLifeAsked = false } = {}): Promise<Row[]> {
    return this.db.sql<Row>(
      // The sum keeps the index out of it.
      withLife(
        `SELECT v.number, v.position, (v.embedding <#> :vector::halfvec) + 0 AS distance FROM ${vectors}
         ORDER BY distance LIMIT ${most}`,
        isLifeAsked,
      ),
      parametersOf(query),
      { varies: query.matching.varies },
    );
  }

  private async byIndex(table: string, query: VectorQuery, most: number): Promise<Row[]> {
    const { matching } = query;
    // For this statement alone: the planner takes sorting all of a space to be about as good.
    const [, rows] = await Promise.all([
      this.set({
        enable_sort: 'off',
        'hnsw.ef_search': Math.min(MOST_EF_SEARCH, Math.max(EF_SEARCH, most)),
        'hnsw.iterative_scan': 'relaxed_order',
        'hnsw.max_scan_tuples': MOST_SCANNED,
      }),
      this.db.sql<Row>(
        withLife(
          `SELECT v.number, v.position, v.embedding <#> :vector::halfvec AS distance
           FROM ${ofSpace(table, matching.condition('v'))}
           ORDER BY v.embedding <#> :vector::halfvec LIMIT ${most}`,
          matching.isAll,
        ),
        parametersOf(query),
        { varies: matching.varies },
      ),
      this.set({ enable_sort: 'on' }),
    ]);
    return rows;
  }

  private set(settings: Record<string, string | number>): Promise<unknown> {
    const parts = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true)`);
    return this.db.sql(`SELECT ${parts.join(', ')} WHERE :tenantId::uuid IS NOT NULL`);
  }
}

function parametersOf({ space: { collectionId, spaceId }, vector, matching }: VectorQuery): Record<string, unknown> {
  return { ...matching.parameters, collectionId, spaceId, vector: vectorText(vector) };
}

function ofSpace(table: string, condition = 'true'): string {
  return `${table} v WHERE v.tenant_id = :tenantId AND v.collection_id = :collectionId AND v.space_id = :spaceId
    AND ${condition}`;
}

/** Of the versions `:numbers`, however many others there are. */
function ofVersions(table: string): string {
  return `unnest(:numbers::int[]) AS n (number)
    CROSS JOIN LATERAL (SELECT v.* FROM ${ofSpace(table, 'v.number = n.number')} ${EACH}) v`;
}

/** Says of each row whether its version is live, where that is not known. */
function withLife(nearest: string, isAsked: boolean): string {
  return `SELECT v.number, v.position, v.distance, ${isAsked ? isLive('v') : 'true'} AS live FROM (${nearest}) v`;
}

/** Of what is not live there is little, and it goes soon. */
function wantedOf({ matching, most }: VectorQuery): number {
  return matching.isAll ? most + Math.max(10, Math.ceil(most / 10)) : most;
}

/** Unless so many were not live that live ones behind them may have been cut off. */
function hasEnough(rows: readonly Row[], wanted: number, most: number): boolean {
  return rows.length < wanted || rows.filter(({ live }) => live).length >= most;
}

function merged(rows: readonly Row[], most: number): Neighbour[] {
  const found = new Map<string, Neighbour>();
  for (const { number, position, distance, live } of rows)
    if (live) found.set(`${number}/${position}`, { number, position, similarity: Math.min(1, -distance) });
  return [...found.values()]
    .sort((a, b) => b.similarity - a.similarity || a.number - b.number || a.position - b.position)
    .slice(0, most);
}
