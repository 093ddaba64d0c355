import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { isLive } from './look-ups.js';
import { BUCKETS, indexLimit, vectorTable, type IndexedSpace } from './vector-space.js';

interface SpaceOfTenant extends IndexedSpace {
  tenantId: string;
}

/** Of millions of vectors, when the memory they need is more than there is. */
const INDEX_LIMIT_MS = 6 * 3_600_000;

const IN_SPACE = 'tenant_id = :tenantId AND collection_id = :collectionId AND space_id = :spaceId';

/** Vectors on their way from bucket 0 to one with an index. */
@Injectable()
export class VectorMovesRepository {
  constructor(private readonly db: Db) {}

  /** Spaces that may have more vectors than are searched exactly. Needs a system actor. */
  async largeSpaces(): Promise<SpaceOfTenant[]> {
    const rows = await this.db.systemSql<SpaceOfTenant & { chunkCount: number }>(
      `SELECT tenant_id AS "tenantId", id AS "collectionId", space_id AS "spaceId", dimensions, chunk_count AS "chunkCount"
       FROM rag_collections WHERE deleted_at IS NULL AND chunk_count > 500
       UNION ALL
       SELECT tenant_id, id, next_space_id, next_dimensions, chunk_count
       FROM rag_collections WHERE deleted_at IS NULL AND chunk_count > 500 AND next_space_id IS NOT NULL`,
    );
    return rows.filter(({ chunkCount, dimensions }) => chunkCount > indexLimit(dimensions));
  }

  /** A bucket of its own, or else the one that fewest spaces share. Needs a system actor. */
  async leastUsedBucket(dimensions: number): Promise<number> {
    const [row] = await this.db.systemSql<{ bucket: number }>(
      `SELECT b.bucket FROM generate_series(1, ${BUCKETS}) AS b (bucket)
       LEFT JOIN rag_vector_spaces s ON s.bucket = b.bucket AND s.dimensions = :dimensions
       GROUP BY b.bucket ORDER BY count(s.space_id), b.bucket LIMIT 1`,
      { dimensions },
    );
    return row?.bucket ?? 1;
  }

  async setBucket({ collectionId, spaceId, dimensions }: IndexedSpace, bucket: number): Promise<void> {
    await this.db.sql(
      `INSERT INTO rag_vector_spaces (tenant_id, collection_id, space_id, dimensions, bucket)
       VALUES (:tenantId, :collectionId, :spaceId, :dimensions, :bucket) ON CONFLICT DO NOTHING`,
      { collectionId, spaceId, dimensions, bucket },
    );
  }

  async hasIndex(dimensions: number, bucket: number): Promise<boolean> {
    const rows = await this.db.sql(
      `SELECT 1 FROM pg_class WHERE relname = :name AND relnamespace = 'public'::regnamespace
         AND :tenantId::uuid IS NOT NULL`,
      { name: `${vectorTable(dimensions, bucket)}_hnsw` },
    );
    return rows.length > 0;
  }

  /** Where there is none: some 0.3 ms for each vector of 384 dimensions that the bucket holds. In no transaction. */
  async makeIndex(dimensions: number, bucket: number, signal: AbortSignal): Promise<void> {
    await this.db.run(
      async () => {
        await this.db.sql('SELECT atrium_end_without_client() WHERE :tenantId::uuid IS NOT NULL');
        await this.db.sql('SELECT atrium_vector_index(:dimensions, :bucket) WHERE :tenantId::uuid IS NOT NULL', {
          dimensions,
          bucket,
        });
      },
      { limitMs: INDEX_LIMIT_MS, signal },
    );
  }

  /** Whether live versions were added to it that its postings are not in order with yet. */
  async isGrowing(collectionId: string): Promise<boolean> {
    const rows = await this.db.sql(
      `SELECT 1 FROM rag_fresh_postings f
       WHERE f.tenant_id = :tenantId AND f.collection_id = :collectionId AND ${isLive('f')} LIMIT 1`,
      { collectionId },
    );
    return rows.length > 0;
  }

  /** Whether more than `count` vectors are in bucket 0. */
  async hasMoreThan({ collectionId, spaceId, dimensions }: IndexedSpace, count: number): Promise<boolean> {
    const rows = await this.db.sql(`SELECT 1 FROM ${vectorTable(dimensions)} WHERE ${IN_SPACE} OFFSET :count LIMIT 1`, {
      collectionId,
      spaceId,
      count,
    });
    return rows.length > 0;
  }

  /**
   * Moves at most `most`; returns how many: none while the bucket's index is being made, either. They are deleted and inserted, not updated: who deletes
   * one at the same time then waits and finds it gone, instead of failing. In the order of the key, whose index knows
   * which rows are gone; the table would be read from its beginning again and again.
   */
  async move({ collectionId, spaceId, dimensions }: IndexedSpace, bucket: number, most: number): Promise<number> {
    const [from, to] = [vectorTable(dimensions), vectorTable(dimensions, bucket)];
    // By itself: to insert takes a lock of the table that the making of its index holds back.
    const [lock] = await this.db.sql<{ isFree: boolean }>(
      `SELECT pg_try_advisory_xact_lock_shared(7313, :dimensions::int * 100 + :bucket::int) AS "isFree"
       WHERE :tenantId::uuid IS NOT NULL`,
      { dimensions, bucket },
    );
    if (!lock?.isFree) return 0;
    const rows = await this.db.sql(
      `WITH moved AS (
         DELETE FROM ${from} WHERE tenant_id = :tenantId AND ctid = ANY (ARRAY(
           SELECT ctid FROM ${from} WHERE ${IN_SPACE} ORDER BY number, position LIMIT :most FOR UPDATE SKIP LOCKED))
         RETURNING *)
       INSERT INTO ${to} SELECT * FROM moved ON CONFLICT DO NOTHING RETURNING 1`,
      { collectionId, spaceId, most },
    );
    return rows.length;
  }
}
