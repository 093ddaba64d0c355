import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { openTransaction } from '../../../platform/database/transaction.js';
import { EACH, filtered } from './look-ups.js';
import { vectorTable, vectorText, type IndexedSpace } from './vector-space.js';

export interface NewVector {
  position: number;
  vector: Float32Array;
}

/** Where the vectors of a space are. */
export interface PlacedSpace extends IndexedSpace {
  /** The tables that may hold some, the one that is written to first; none while no vector was ever made so long. */
  tables: string[];
}

const MOST_REMEMBERED = 1_000;

const COLUMNS = 'tenant_id, collection_id, space_id, number, position, hash, embedding';
const IN_SPACE = 'tenant_id = :tenantId AND collection_id = :collectionId AND space_id = :spaceId';

/** Vectors as they are written and deleted. They are written to bucket 0; see VectorMoves for what becomes of them. */
@Injectable()
export class VectorsRepository {
  /** Dimensions whose table is there for good: it was committed, and is never dropped. */
  private readonly prepared = new Set<number>();
  /** Of spaces that have a bucket with an index: it is theirs as long as they are. */
  private readonly buckets = new Map<string, number>();

  constructor(private readonly db: Db) {}

  /** Makes the table of a dimension that is new, in a transaction of its own: for a moment it locks rag_collections. */
  async prepare(dimensions: number, bucket = 0): Promise<void> {
    vectorTable(dimensions, bucket);
    if (bucket === 0 && this.prepared.has(dimensions)) return;
    if (openTransaction()) throw new Error('A table of vectors is made outside of any transaction');
    await this.db.run(() =>
      this.db.sql('SELECT atrium_vector_table(:dimensions, :bucket) WHERE :tenantId::uuid IS NOT NULL', {
        dimensions,
        bucket,
      }),
    );
    if (bucket === 0) this.prepared.add(dimensions);
  }

  isPrepared(dimensions: number): boolean {
    return this.prepared.has(dimensions);
  }

  /** Null where the database has to be asked: as long as a space has no bucket with an index, it may get one. */
  knownTables({ spaceId, dimensions }: IndexedSpace): string[] | null {
    const bucket = this.buckets.get(spaceId);
    return bucket === undefined ? null : [vectorTable(dimensions), vectorTable(dimensions, bucket)];
  }

  /** Of one collection or of several. */
  async place<Space extends IndexedSpace>(spaces: readonly Space[]): Promise<(Space & PlacedSpace)[]> {
    const rows = await this.db.sql<{ bucket: number | null; isThere: boolean }>(
      `SELECT b.bucket, to_regclass('rag_vectors_' || s.dimensions) IS NOT NULL AS "isThere"
       FROM unnest(:collectionIds::uuid[], :spaceIds::uuid[], :dimensions::int[])
         WITH ORDINALITY AS s (collection_id, space_id, dimensions, n)
       LEFT JOIN rag_vector_spaces b
         ON b.tenant_id = :tenantId AND b.collection_id = s.collection_id AND b.space_id = s.space_id
       ORDER BY s.n`,
      {
        collectionIds: spaces.map(({ collectionId }) => collectionId),
        spaceIds: spaces.map(({ spaceId }) => spaceId),
        dimensions: spaces.map(({ dimensions }) => dimensions),
      },
    );
    return spaces.map((space, n) => {
      const { bucket = null, isThere = false } = rows[n] ?? {};
      // A table that can be seen is committed, or of this very transaction, which does nothing else then.
      if (isThere) this.prepared.add(space.dimensions);
      if (bucket !== null) this.remember(space.spaceId, bucket);
      const buckets = isThere ? [0, ...(bucket === null ? [] : [bucket])] : [];
      return { ...space, tables: buckets.map((which) => vectorTable(space.dimensions, which)) };
    });
  }

  /** Of chunks that are stored. */
  async add(space: IndexedSpace, number: number, vectors: readonly NewVector[]): Promise<void> {
    const { collectionId, spaceId, dimensions } = space;
    await this.db.sql(
      `INSERT INTO ${vectorTable(dimensions)} (${COLUMNS})
       SELECT c.tenant_id, c.collection_id, :spaceId, c.number, c.position, c.hash, v.embedding::halfvec
       FROM unnest(:positions::int[], string_to_array(:embeddings, ';')) AS v (position, embedding)
       CROSS JOIN LATERAL (
         SELECT * FROM rag_chunks c WHERE c.tenant_id = :tenantId AND c.collection_id = :collectionId
           AND c.number = :number AND c.position = v.position ${EACH}) c
       ON CONFLICT DO NOTHING`,
      {
        ...{ collectionId, spaceId, number },
        positions: vectors.map(({ position }) => position),
        embeddings: vectors.map(({ vector }) => vectorText(vector)).join(';'),
      },
    );
  }

  /** Copies what the space has for the same text, for those chunks of the version that have no vector yet. */
  async reuse({ tables, collectionId, spaceId }: PlacedSpace, number: number): Promise<void> {
    const [written] = tables;
    if (written === undefined) return;
    const known = tables.map(
      (table) => `SELECT v.embedding FROM ${table} v
        WHERE v.tenant_id = :tenantId AND v.hash = c.hash AND v.space_id = :spaceId
          AND ${filtered('v.collection_id', ':collectionId')}`,
    );
    await this.db.sql(
      `INSERT INTO ${written} (${COLUMNS})
       SELECT c.tenant_id, c.collection_id, :spaceId, c.number, c.position, c.hash, known.embedding
       FROM rag_chunks c CROSS JOIN LATERAL (${known.join(' UNION ALL ')} LIMIT 1) known
       WHERE c.tenant_id = :tenantId AND c.collection_id = :collectionId AND c.number = :number AND ${lacking(tables)}
       ON CONFLICT DO NOTHING`,
      { collectionId, spaceId, number },
    );
  }

  /** Texts of a version that have no vector yet, by the positions of the first chunks that have them. */
  async missing({ tables, collectionId, spaceId }: PlacedSpace, number: number): Promise<number[]> {
    const rows = await this.db.sql<{ position: number }>(
      `SELECT min(c.position) AS position FROM rag_chunks c
       WHERE c.tenant_id = :tenantId AND c.collection_id = :collectionId AND c.number = :number AND ${lacking(tables)}
         AND :spaceId::uuid IS NOT NULL
       GROUP BY c.hash ORDER BY min(c.position)`,
      { collectionId, spaceId, number },
    );
    return rows.map(({ position }) => position);
  }

  async lacksAny({ tables, collectionId, spaceId }: PlacedSpace, number: number): Promise<boolean> {
    const rows = await this.db.sql(
      `SELECT 1 FROM rag_chunks c
       WHERE c.tenant_id = :tenantId AND c.collection_id = :collectionId AND c.number = :number AND ${lacking(tables)}
         AND :spaceId::uuid IS NOT NULL
       LIMIT 1`,
      { collectionId, spaceId, number },
    );
    return rows.length > 0;
  }

  /** Deletes at most `most` vectors of a version, or of the space; returns how many. */
  async drop(space: IndexedSpace, number: number | null, most: number): Promise<number> {
    const { collectionId, spaceId, dimensions } = space;
    const dropped = async (table: string | undefined): Promise<number> => {
      if (table === undefined) return 0;
      const rows = await this.db.sql(
        `DELETE FROM ${table} WHERE tenant_id = :tenantId AND ctid = ANY (ARRAY(
           SELECT ctid FROM ${table} WHERE ${IN_SPACE} AND number = coalesce(:number::int, number)
           ORDER BY number, position LIMIT :most))
         RETURNING 1`,
        { collectionId, spaceId, number, most },
      );
      return rows.length;
    };
    // Vectors move from bucket 0 to another one. A deletion waits for a move that is under way, so what it missed is
    // where it went, which is asked for only then.
    const [before] = await this.place([space]);
    const count = await dropped(before?.tables[0]);
    if (count > 0) return count;
    const [after] = await this.place([{ collectionId, spaceId, dimensions }]);
    return dropped(after?.tables[1]);
  }

  /** Null while all of its vectors are in bucket 0. */
  async bucketOf({ collectionId, spaceId }: IndexedSpace): Promise<number | null> {
    const [row] = await this.db.sql<{ bucket: number }>(`SELECT bucket FROM rag_vector_spaces WHERE ${IN_SPACE}`, {
      ...{ collectionId, spaceId },
    });
    return row?.bucket ?? null;
  }

  private remember(spaceId: string, bucket: number): void {
    this.buckets.set(spaceId, bucket);
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > MOST_REMEMBERED && oldest !== undefined) this.buckets.delete(oldest);
  }

  async forgetSpace({ collectionId, spaceId }: IndexedSpace): Promise<void> {
    await this.db.sql(`DELETE FROM rag_vector_spaces WHERE ${IN_SPACE}`, { collectionId, spaceId });
  }

  /** Those that a collection has or is getting, and those whose vectors are many. */
  async spacesOf(collectionId: string): Promise<IndexedSpace[]> {
    return this.db.sql<IndexedSpace>(
      `SELECT id AS "collectionId", space_id AS "spaceId", dimensions FROM rag_collections
       WHERE tenant_id = :tenantId AND id = :collectionId
       UNION
       SELECT id, next_space_id, next_dimensions FROM rag_collections
       WHERE tenant_id = :tenantId AND id = :collectionId AND next_space_id IS NOT NULL
       UNION
       SELECT collection_id, space_id, dimensions FROM rag_vector_spaces
       WHERE tenant_id = :tenantId AND collection_id = :collectionId`,
      { collectionId },
    );
  }
}

function inSpace(alias: string): string {
  return `${alias}.tenant_id = :tenantId AND ${alias}.collection_id = :collectionId AND ${alias}.space_id = :spaceId`;
}

/** That the chunk `c`, of the version `:number`, has no vector. */
function lacking(tables: readonly string[]): string {
  const having = tables.map(
    (table) =>
      `EXISTS (SELECT 1 FROM ${table} l WHERE ${inSpace('l')} AND l.number = :number
         AND l.position = c.position ${EACH})`,
  );
  return having.length === 0 ? 'true' : `NOT (${having.join(' OR ')})`;
}
