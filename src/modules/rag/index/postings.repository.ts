import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { encodeFresh } from './fresh-content.js';
import type { IndexedChunk } from './indexed-chunk.js';

/** Postings as they are written and deleted. */
@Injectable()
export class PostingsRepository {
  constructor(private readonly db: Db) {}

  async add(collectionId: string, number: number, chunks: readonly IndexedChunk[]): Promise<void> {
    const [first] = chunks;
    if (!first) return;
    await this.db.sql(
      `INSERT INTO rag_fresh_postings (tenant_id, collection_id, number, position, chunk_count, content)
       VALUES (:tenantId, :collectionId, :number, :position, :count, :content)
       ON CONFLICT (tenant_id, collection_id, number, position)
         DO UPDATE SET chunk_count = excluded.chunk_count, content = excluded.content`,
      { collectionId, number, position: first.position, count: chunks.length, content: encodeFresh(chunks) },
    );
  }

  /**
   * What is merged already counts no more, and goes when its segment is merged again. The mark is made first: where the
   * deletion has to wait for a merge, the version is in its segment afterwards.
   */
  async dropVersion(collectionId: string, number: number): Promise<void> {
    await Promise.all([
      this.db.sql(
        `INSERT INTO rag_dropped_versions (tenant_id, collection_id, number)
         SELECT tenant_id, id, :number FROM rag_collections WHERE tenant_id = :tenantId AND id = :collectionId
         ON CONFLICT DO NOTHING`,
        { collectionId, number },
      ),
      this.db.sql(
        `DELETE FROM rag_fresh_postings
         WHERE tenant_id = :tenantId AND collection_id = :collectionId AND number = :number`,
        { collectionId, number },
      ),
    ]);
  }

  /** Deletes at most `most` rows of a collection; returns how many. */
  async dropCollection(collectionId: string, most: number): Promise<number> {
    for (const table of ['rag_postings', 'rag_segments', 'rag_fresh_postings', 'rag_dropped_versions']) {
      const rows = await this.db.sql(
        `DELETE FROM ${table} WHERE tenant_id = :tenantId AND ctid = ANY (ARRAY(
           SELECT ctid FROM ${table} WHERE tenant_id = :tenantId AND collection_id = :collectionId LIMIT :most))
         RETURNING 1`,
        { collectionId, most },
      );
      if (rows.length > 0) return rows.length;
    }
    return 0;
  }
}
