import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { Ingestion } from './ingestion.js';

@Injectable()
export class IngestionsRepository {
  constructor(private readonly db: Db) {}

  /** Returns their ids. Of a document that is being taken in already, that begins anew, whoever is at it. */
  async beginReading(collectionId: string, documentIds: readonly string[]): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `INSERT INTO rag_ingestions (tenant_id, id, collection_id, document_id, stage)
       SELECT :tenantId, id, :collectionId, document_id, 'parse'
       FROM unnest(:ids::uuid[], :documentIds::uuid[]) AS asked (id, document_id)
       ON CONFLICT (tenant_id, document_id) DO UPDATE
         SET stage = 'parse', status = 'queued', run_after = now(), lease_until = NULL, failures = 0,
             barren_takeovers = 0, progressed = false, fence = rag_ingestions.fence + 1
       RETURNING id`,
      { collectionId, documentIds, ids: documentIds.map(() => v7()) },
    );
    return rows.map(({ id }) => id);
  }

  /** For all documents that can be found and are not being taken in anyway. Returns the ids. */
  async beginEmbedding(collectionId: string): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `INSERT INTO rag_ingestions (tenant_id, id, collection_id, document_id, stage)
       SELECT :tenantId, gen_random_uuid(), :collectionId, d.id, 'embed' FROM rag_documents d
       WHERE d.tenant_id = :tenantId AND d.collection_id = :collectionId AND d.number IS NOT NULL
       ON CONFLICT (tenant_id, document_id) DO NOTHING RETURNING id`,
      { collectionId },
    );
    return rows.map(({ id }) => id);
  }

  async find(id: string): Promise<Ingestion | null> {
    const [row] = await this.db.sql<object>(
      `SELECT id, collection_id, document_id, stage, failures FROM rag_ingestions
       WHERE tenant_id = :tenantId AND id = :id`,
      { id },
    );
    return row ? camelRow<Ingestion>(row) : null;
  }

  /** Locked until the transaction ends. Returns its stage; null: another holds it by now. */
  async keepHold(id: string, fence: number): Promise<Ingestion['stage'] | null> {
    const [row] = await this.db.sql<Pick<Ingestion, 'stage'>>(
      `SELECT stage FROM rag_ingestions
       WHERE tenant_id = :tenantId AND id = :id AND fence = :fence AND status = 'running' FOR NO KEY UPDATE`,
      { id, fence },
    );
    return row?.stage ?? null;
  }

  /** The holder's word: what it has just stored need not be done again, whatever becomes of it. */
  async advance(id: string): Promise<void> {
    await this.db.sql(
      'UPDATE rag_ingestions SET progressed = true, failures = 0 WHERE tenant_id = :tenantId AND id = :id',
      { id },
    );
  }

  /** The holder's word: its chunks are all there. */
  async moveToEmbedding(id: string): Promise<void> {
    await this.db.sql(`UPDATE rag_ingestions SET stage = 'embed' WHERE tenant_id = :tenantId AND id = :id`, { id });
  }

  /** Another try, after some time. False: another holds it by now. */
  async putOff(id: string, fence: number, afterMs: number): Promise<boolean> {
    const rows = await this.db.sql(
      `UPDATE rag_ingestions SET status = 'queued', lease_until = NULL, failures = failures + 1,
         run_after = now() + interval '1 millisecond' * :afterMs
       WHERE tenant_id = :tenantId AND id = :id AND fence = :fence AND status = 'running' RETURNING id`,
      { id, fence, afterMs },
    );
    return rows.length > 0;
  }

  /** From now on it is to make vectors of the version that is found. */
  async turnToEmbedding(id: string, afterMs: number): Promise<void> {
    await this.db.sql(
      `UPDATE rag_ingestions SET stage = 'embed', status = 'queued', lease_until = NULL, failures = 0,
         barren_takeovers = 0, run_after = now() + interval '1 millisecond' * :afterMs
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, afterMs },
    );
  }

  async remove(id: string): Promise<void> {
    await this.db.sql('DELETE FROM rag_ingestions WHERE tenant_id = :tenantId AND id = :id', { id });
  }

  async removeAllOf(collectionId: string): Promise<void> {
    await this.db.sql('DELETE FROM rag_ingestions WHERE tenant_id = :tenantId AND collection_id = :collectionId', {
      collectionId,
    });
  }

  async anyOfLive(collectionId: string): Promise<boolean> {
    const rows = await this.db.sql(
      `SELECT 1 FROM rag_ingestions i
       JOIN rag_documents d ON d.tenant_id = i.tenant_id AND d.id = i.document_id AND d.number IS NOT NULL
       WHERE i.tenant_id = :tenantId AND i.collection_id = :collectionId LIMIT 1`,
      { collectionId },
    );
    return rows.length > 0;
  }
}
