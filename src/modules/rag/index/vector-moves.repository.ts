import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { BUCKETS, exactLimit, vectorTable, type IndexedSpace } from './vector-space.js';

interface SpaceOfTenant extends IndexedSpace {
  tenantId: string;
}

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
    return rows.filter(({ chunkCount, dimensions }) => chunkCount > exactLimit(dimensions));
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
   * Moves at most `most`; returns how many. They are deleted and inserted, not updated: who deletes
   * one at the same time then waits and finds it gone, instead of failing. In the order of the key, whose index knows
   * which rows are gone; the table would be read from its beginning again and again.
   */
  async move({ collectionId, spaceId, dimensions }: IndexedSpace, bucket: number, most: number): Promise<number> {
    const [from, to] = [vectorTable(dimensions), vectorTable(dimensions, bucket)];
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
