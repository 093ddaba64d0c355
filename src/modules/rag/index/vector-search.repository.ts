import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { MatchingDocuments } from './matching-documents.js';
import { vectorText } from './vector-space.js';
import type { PlacedSpace } from './vectors.repository.js';

export interface Neighbour {
  number: number;
  position: number;
  /** Cosine. */
  similarity: number;
}

export interface VectorQuery {
  space: PlacedSpace;
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
/** Where a filter leaves too little of that, it goes on, and gives up here; what it lacks is then searched exactly. */
const MOST_SCANNED = 20_000;

const LIVE = `EXISTS (SELECT 1 FROM rag_documents d
  WHERE d.tenant_id = :tenantId AND d.collection_id = :collectionId AND d.number = v.number)`;

/** The vectors nearest to one, of versions that are live and, where there is a filter, match it. */
@Injectable()
export class VectorSearchRepository {
  constructor(private readonly db: Db) {}

  async nearest(query: VectorQuery): Promise<Neighbour[]> {
    const { space, most, matching } = query;
    const [written, indexed] = space.tables;
    if (written === undefined || matching.isNone) return [];
    // Of what is not live there is little, and it goes soon.
    const wanted = matching.isAll ? 2 * most + 10 : most;
    const isExact = indexed === undefined || matching.numbers !== null;
    const [near, far] = await Promise.all([
      this.exact(written, query, wanted),
      indexed === undefined ? [] : isExact ? this.exact(indexed, query, wanted) : this.byIndex(indexed, query, wanted),
    ]);
    const found = [
      ...(hasEnough(near, wanted, most) ? near : await this.exact(written, query, most, true)),
      ...((hasEnough(far, wanted, most) && (isExact || far.length === wanted)) || indexed === undefined
        ? far
        : await this.exact(indexed, query, most, true)),
    ];
    return merged(found, most);
  }

  /** Compares one by one. `joined`: those that are not live are left out before the best are taken. */
  private exact(table: string, { space, vector, matching }: VectorQuery, most: number, joined = false): Promise<Row[]> {
    return this.db.sql<Row>(
      `SELECT v.number, v.position, v.distance, ${matching.isAll && !joined ? LIVE : 'true'} AS live
       FROM (SELECT v.number, v.position, v.embedding <#> :vector::halfvec AS distance FROM ${table} v
             WHERE v.tenant_id = :tenantId AND v.collection_id = :collectionId AND v.space_id = :spaceId
               AND ${joined && matching.isAll ? LIVE : matching.condition('v')}
             -- The sum keeps an index of another order out of it.
             ORDER BY (v.embedding <#> :vector::halfvec) + 0 LIMIT ${most}) v
       ORDER BY v.distance`,
      this.parameters(space, vector, matching),
      { varies: matching.varies },
    );
  }

  private async byIndex(table: string, { space, vector, matching }: VectorQuery, most: number): Promise<Row[]> {
    // For this statement alone: the planner takes sorting all of a space to be about as good.
    const [, rows] = await Promise.all([
      this.set({
        enable_sort: 'off',
        'hnsw.ef_search': EF_SEARCH,
        'hnsw.iterative_scan': 'relaxed_order',
        'hnsw.max_scan_tuples': MOST_SCANNED,
      }),
      this.db.sql<Row>(
        `SELECT v.number, v.position, v.distance, ${matching.isAll ? LIVE : 'true'} AS live
         FROM (SELECT v.number, v.position, v.embedding <#> :vector::halfvec AS distance FROM ${table} v
               WHERE v.tenant_id = :tenantId AND v.collection_id = :collectionId AND v.space_id = :spaceId
                 AND ${matching.condition('v')}
               ORDER BY v.embedding <#> :vector::halfvec LIMIT ${most}) v`,
        this.parameters(space, vector, matching),
        { varies: matching.varies },
      ),
      this.set({ enable_sort: 'on' }),
    ]);
    return rows;
  }

  private parameters({ collectionId, spaceId }: PlacedSpace, vector: Float32Array, matching: MatchingDocuments) {
    return { ...matching.parameters, collectionId, spaceId, vector: vectorText(vector) };
  }

  private set(settings: Record<string, string | number>): Promise<unknown> {
    const parts = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true)`);
    return this.db.sql(`SELECT ${parts.join(', ')} WHERE :tenantId::uuid IS NOT NULL`);
  }
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
