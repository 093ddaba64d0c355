import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { Chunk, NewChunk } from './chunk.js';

const COLUMNS = `k.id, k.collection_id, k.document_id, k.number, k.position, k.content, k.page, k.heading_path,
  k.start_at, k.end_at`;

@Injectable()
export class ChunksRepository {
  constructor(private readonly db: Db) {}

  async add(chunks: readonly NewChunk[]): Promise<void> {
    const [first] = chunks;
    if (!first) return;
    const { collectionId, documentId, number } = first;
    await this.db.sql(
      `INSERT INTO rag_chunks (tenant_id, collection_id, number, position, id, document_id, content, page, heading_path,
         start_at, end_at, term_count, hash)
       SELECT :tenantId, :collectionId, :number, position, id, :documentId, content, page,
         ARRAY (SELECT jsonb_array_elements_text(headings::jsonb)), start_at, end_at, term_count, decode(hash, 'hex')
       FROM unnest(:positions::int[], :ids::uuid[], :contents::text[], :pages::int[], :headings::text[], :starts::int[],
                   :ends::int[], :termCounts::int[], :hashes::text[])
         AS chunk (position, id, content, page, headings, start_at, end_at, term_count, hash)`,
      {
        ...{ collectionId, documentId, number },
        positions: chunks.map(({ position }) => position),
        ids: chunks.map(({ id }) => id),
        contents: chunks.map(({ content }) => content),
        pages: chunks.map(({ page }) => page),
        // Lists of lists of different lengths are no array of Postgres'.
        headings: chunks.map(({ headingPath }) => JSON.stringify(headingPath)),
        starts: chunks.map(({ startAt }) => startAt),
        ends: chunks.map(({ endAt }) => endAt),
        termCounts: chunks.map(({ termCount }) => termCount),
        hashes: chunks.map(({ hash }) => hash.toString('hex')),
      },
    );
  }

  /** Of a version of a document, by position. */
  async page(of: { collectionId: string; number: number; after: number; limit: number }): Promise<Chunk[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_chunks k
       WHERE k.tenant_id = :tenantId AND k.collection_id = :collectionId AND k.number = :number AND k.position > :after
       ORDER BY k.position LIMIT :limit`,
      { ...of },
    );
    return rows.map((row) => camelRow<Chunk>(row));
  }

  async ofVersion(collectionId: string, number: number, positions: readonly number[]): Promise<Chunk[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_chunks k
       WHERE k.tenant_id = :tenantId AND k.collection_id = :collectionId AND k.number = :number
         AND k.position = ANY (:positions::int[]) ORDER BY k.position`,
      { collectionId, number, positions },
    );
    return rows.map((row) => camelRow<Chunk>(row));
  }

  /** How many a version has, and words in them. */
  async totals(collectionId: string, number: number): Promise<{ chunkCount: number; termTotal: number }> {
    const [row] = await this.db.sql<{ chunks: number; terms: string }>(
      `SELECT count(*)::int AS chunks, coalesce(sum(term_count), 0) AS terms FROM rag_chunks
       WHERE tenant_id = :tenantId AND collection_id = :collectionId AND number = :number`,
      { collectionId, number },
    );
    return { chunkCount: row?.chunks ?? 0, termTotal: Number(row?.terms ?? 0) };
  }

  /** Of versions that nobody needs any more; at most `limit`. Returns how many are gone. */
  async dropVersion(collectionId: string, number: number, limit: number): Promise<number> {
    const rows = await this.db.sql(
      `DELETE FROM rag_chunks WHERE tenant_id = :tenantId AND collection_id = :collectionId AND number = :number
         AND position = ANY (ARRAY (
           SELECT position FROM rag_chunks
           WHERE tenant_id = :tenantId AND collection_id = :collectionId AND number = :number LIMIT :limit))
       RETURNING position`,
      { collectionId, number, limit },
    );
    return rows.length;
  }

  /** The same of a whole collection. */
  async dropCollection(collectionId: string, limit: number): Promise<number> {
    const rows = await this.db.sql(
      `DELETE FROM rag_chunks WHERE tenant_id = :tenantId AND id IN (
         SELECT id FROM rag_chunks WHERE tenant_id = :tenantId AND collection_id = :collectionId LIMIT :limit)
       RETURNING id`,
      { collectionId, limit },
    );
    return rows.length;
  }
}
