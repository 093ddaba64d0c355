import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Db } from '../../../platform/database/db.js';
import type { VectorSpace } from '../collections/collection.js';
import { EACH } from '../index/look-ups.js';

export interface Garbage {
  id: string;
  collectionId: string;
  /** Of a document's version; null: all vectors of a space. */
  number: number | null;
  spaceId: string | null;
  dimensions: number | null;
}

/** What nothing finds any more and is still there. */
@Injectable()
export class GarbageRepository {
  constructor(private readonly db: Db) {}

  /** In the transaction after which nobody finds them. */
  async addVersions(collectionId: string, given: readonly (number | null)[]): Promise<void> {
    const numbers = given.filter((number) => number !== null);
    if (numbers.length === 0) return;
    await this.db.sql(
      `INSERT INTO rag_garbage (tenant_id, id, collection_id, number)
       SELECT :tenantId, id, :collectionId, number FROM unnest(:ids::uuid[], :numbers::int[]) AS old (id, number)`,
      { collectionId, ids: numbers.map(() => v7()), numbers },
    );
  }

  async addSpace(collectionId: string, { spaceId, dimensions }: VectorSpace): Promise<void> {
    await this.db.sql(
      `INSERT INTO rag_garbage (tenant_id, id, collection_id, space_id, dimensions)
       VALUES (:tenantId, :id, :collectionId, :spaceId, :dimensions)`,
      { id: v7(), collectionId, spaceId, dimensions },
    );
  }

  /** Without versions of documents that are being read: the next version takes over their vectors. */
  async oldest(before: Date, limit: number): Promise<Garbage[]> {
    return this.db.sql<Garbage>(
      `SELECT g.id, g.collection_id AS "collectionId", g.number, g.space_id AS "spaceId", g.dimensions FROM rag_garbage g
       WHERE g.tenant_id = :tenantId AND g.created_at < :before AND NOT EXISTS (
         SELECT 1 FROM rag_chunks k
         WHERE k.tenant_id = :tenantId AND k.collection_id = g.collection_id AND k.number = g.number AND k.position = 0
           AND EXISTS (SELECT 1 FROM rag_ingestions i WHERE i.tenant_id = :tenantId AND i.document_id = k.document_id
             AND i.stage = 'parse' ${EACH}) ${EACH})
       ORDER BY g.id LIMIT :limit`,
      { before, limit },
    );
  }

  /** For this transaction; false where another process is at it, or it is gone. */
  async hold(id: string): Promise<boolean> {
    const rows = await this.db.sql(
      'SELECT 1 FROM rag_garbage WHERE tenant_id = :tenantId AND id = :id FOR UPDATE SKIP LOCKED',
      { id },
    );
    return rows.length > 0;
  }

  async remove(ids: readonly string[]): Promise<void> {
    await this.db.sql('DELETE FROM rag_garbage WHERE tenant_id = :tenantId AND id = ANY (:ids::uuid[])', { ids });
  }

  /** Tenants that have some, or collections that were deleted. Needs a system actor. */
  async tenants(): Promise<string[]> {
    const rows = await this.db.systemSql<{ tenantId: string }>(
      `SELECT DISTINCT tenant_id AS "tenantId" FROM rag_garbage
       UNION SELECT tenant_id FROM rag_collections WHERE deleted_at IS NOT NULL`,
    );
    return rows.map(({ tenantId }) => tenantId);
  }
}
