import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { StorageKey } from '../../../platform/storage/file-storage.js';
import { READABLE_COLLECTION, readerParameters } from '../collections/collection-access.js';
import { EACH } from '../index/look-ups.js';
import type { DocumentDraft, DocumentError, DocumentStatus, KnownDocument } from './document.js';

const COLUMNS = `d.tenant_id, d.id, d.collection_id, d.title, d.mime_type, d.size_bytes, d.source, d.origin, d.status,
  d.progress, d.error, d.number, d.next_number, d.chunk_count, d.term_total, d.metadata, d.created_by, d.created_at,
  d.updated_at`;

const OF_READABLE = `EXISTS (
  SELECT 1 FROM rag_collections c WHERE c.tenant_id = d.tenant_id AND c.id = d.collection_id AND ${READABLE_COLLECTION})`;

interface DocumentFilter {
  collectionId?: string;
  status?: DocumentStatus;
  before: string | null;
  limit: number;
}

@Injectable()
export class DocumentsRepository {
  constructor(private readonly db: Db) {}

  /** Those that are new, by hash, as the ids of what was added. */
  async addNew(collectionId: string, drafts: readonly DocumentDraft[], createdBy: string | null): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `INSERT INTO rag_documents (tenant_id, id, collection_id, title, mime_type, size_bytes, source, origin, source_hash,
         metadata, created_by)
       SELECT :tenantId, id, :collectionId, title, mime_type, size_bytes, source, origin, decode(hash, 'hex'),
         metadata::jsonb, :createdBy
       FROM unnest(:ids::uuid[], :titles::text[], :mimeTypes::text[], :sizes::bigint[], :sources::text[],
                   :origins::text[], :hashes::text[], :metadata::text[])
         AS draft (id, title, mime_type, size_bytes, source, origin, hash, metadata)
       ON CONFLICT (tenant_id, collection_id, source_hash) DO NOTHING RETURNING id`,
      {
        ...{ collectionId, createdBy },
        ids: drafts.map(({ id }) => id),
        titles: drafts.map(({ title }) => title),
        mimeTypes: drafts.map(({ mimeType }) => mimeType),
        sizes: drafts.map(({ sizeBytes }) => sizeBytes),
        sources: drafts.map(({ source }) => source),
        origins: drafts.map(({ origin }) => origin),
        hashes: drafts.map(({ sourceHash }) => sourceHash.toString('hex')),
        metadata: drafts.map(({ metadata }) => JSON.stringify(metadata)),
      },
    );
    return rows.map(({ id }) => id);
  }

  async addTexts(drafts: readonly DocumentDraft[]): Promise<void> {
    if (drafts.length === 0) return;
    await this.db.sql(
      `INSERT INTO rag_texts (tenant_id, document_id, text)
       SELECT :tenantId, id, text FROM unnest(:ids::uuid[], :texts::text[]) AS draft (id, text)`,
      { ids: drafts.map(({ id }) => id), texts: drafts.map(({ text }) => text) },
    );
  }

  /** By the hash of what they were made of, in hex. */
  async bySource(collectionId: string, hashes: readonly string[]): Promise<Map<string, KnownDocument>> {
    const rows = await this.db.sql<{ hash: string }>(
      `SELECT ${COLUMNS}, encode(d.source_hash, 'hex') AS hash FROM (
         SELECT decode(hash, 'hex') AS hash FROM unnest(:hashes::text[]) AS hash ${EACH}) given
       CROSS JOIN LATERAL (
         SELECT * FROM rag_documents d WHERE d.tenant_id = :tenantId AND d.source_hash = given.hash
           AND d.collection_id = :collectionId ${EACH}) d`,
      { collectionId, hashes },
    );
    return new Map(rows.map(({ hash, ...row }) => [hash, documentOf(row)]));
  }

  /** What a request named, so that it can be answered again. */
  async addBatch(batch: { id: string; collectionId: string; documentIds: readonly string[] }): Promise<void> {
    await this.db.sql(
      `INSERT INTO rag_batches (tenant_id, id, collection_id, document_ids)
       VALUES (:tenantId, :id, :collectionId, :documentIds)`,
      { ...batch },
    );
  }

  /** Those that are there, and how many it named. */
  async ofBatch(id: string): Promise<{ documents: KnownDocument[]; count: number }> {
    const rows = await this.db.sql<{ named: number }>(
      `SELECT ${COLUMNS}, cardinality(b.document_ids) AS named
       FROM rag_batches b, unnest(b.document_ids) WITH ORDINALITY AS named (id, place)
       CROSS JOIN LATERAL (SELECT * FROM rag_documents d WHERE d.tenant_id = :tenantId AND d.id = named.id ${EACH}) d
       WHERE b.tenant_id = :tenantId AND b.id = :id AND ${OF_READABLE} ORDER BY named.place`,
      { id, ...readerParameters() },
    );
    return { documents: rows.map(({ named: _count, ...row }) => documentOf(row)), count: rows[0]?.named ?? 0 };
  }

  /** Of a collection that the caller may read. */
  async findReadable(id: string): Promise<KnownDocument | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_documents d WHERE d.tenant_id = :tenantId AND d.id = :id AND ${OF_READABLE}`,
      { id, ...readerParameters() },
    );
    return rows[0] ? documentOf(rows[0]) : null;
  }

  /** Newest first, older than `before`. */
  async listReadable({ collectionId, status, before, limit }: DocumentFilter): Promise<KnownDocument[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_documents d
       WHERE d.tenant_id = :tenantId AND (:collectionId::uuid IS NULL OR d.collection_id = :collectionId::uuid)
         AND (:status::text IS NULL OR d.status = :status::text) AND (:before::uuid IS NULL OR d.id < :before::uuid)
         AND ${OF_READABLE}
       ORDER BY d.id DESC LIMIT :limit`,
      { collectionId: collectionId ?? null, status: status ?? null, before, limit, ...readerParameters() },
    );
    return rows.map(documentOf);
  }

  async find(id: string): Promise<KnownDocument | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_documents d WHERE d.tenant_id = :tenantId AND d.id = :id`,
      { id },
    );
    return rows[0] ? documentOf(rows[0]) : null;
  }

  /** As `find`, locked until the transaction ends: after its collection, where that is locked, and before its ingestion. */
  async lock(id: string): Promise<KnownDocument | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_documents d WHERE d.tenant_id = :tenantId AND d.id = :id FOR NO KEY UPDATE`,
      { id },
    );
    return rows[0] ? documentOf(rows[0]) : null;
  }

  async text(id: string): Promise<string | null> {
    const [row] = await this.db.sql<{ text: string }>(
      'SELECT text FROM rag_texts WHERE tenant_id = :tenantId AND document_id = :id',
      { id },
    );
    return row?.text ?? null;
  }

  async showState(id: string, status: DocumentStatus, progress: number, error: DocumentError | null): Promise<void> {
    await this.db.sql(
      `UPDATE rag_documents SET status = :status, progress = :progress, error = :error::jsonb, updated_at = now()
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, status, progress, error: error && JSON.stringify(error) },
    );
  }

  /** They wait to be read. */
  async queue(ids: readonly string[]): Promise<void> {
    await this.db.sql(
      `UPDATE rag_documents SET status = 'queued', progress = 0, error = NULL, updated_at = now()
       WHERE tenant_id = :tenantId AND id = ANY (:ids::uuid[])`,
      { ids },
    );
  }

  /** Those of them that are in one of the collections. */
  async among(collectionIds: readonly string[], ids: readonly string[]): Promise<Set<string>> {
    const rows = await this.db.sql<{ id: string }>(
      `SELECT id FROM rag_documents
       WHERE tenant_id = :tenantId AND id = ANY (:ids::uuid[]) AND collection_id = ANY (:collectionIds::uuid[])`,
      { collectionIds, ids },
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Without those that could not be read, and are not found. */
  async idsOf(collectionId: string): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `SELECT id FROM rag_documents
       WHERE tenant_id = :tenantId AND collection_id = :collectionId AND (number IS NOT NULL OR status <> 'failed')`,
      { collectionId },
    );
    return rows.map(({ id }) => id);
  }

  /** The version that is being made. */
  async setNextNumber(id: string, number: number): Promise<void> {
    await this.db.sql('UPDATE rag_documents SET next_number = :number WHERE tenant_id = :tenantId AND id = :id', {
      id,
      number,
    });
  }

  /** The version that was being made will not be. */
  async dropNextNumber(id: string): Promise<void> {
    await this.db.sql('UPDATE rag_documents SET next_number = NULL WHERE tenant_id = :tenantId AND id = :id', { id });
  }

  /** What was found out while it was read. */
  async setFacts(id: string, facts: Pick<KnownDocument, 'title' | 'mimeType' | 'sizeBytes'>): Promise<void> {
    await this.db.sql(
      `UPDATE rag_documents SET title = :title, mime_type = :mimeType, size_bytes = :sizeBytes
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, ...facts },
    );
  }

  /** The version that was made is the one that is found from now on. */
  async goLive(id: string, counts: Pick<KnownDocument, 'chunkCount' | 'termTotal'>): Promise<void> {
    await this.db.sql(
      `UPDATE rag_documents SET number = next_number, next_number = NULL, status = 'ready', progress = 1, error = NULL,
         chunk_count = :chunkCount, term_total = :termTotal, updated_at = now()
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, ...counts },
    );
  }

  async remove(id: string): Promise<void> {
    await this.db.sql('DELETE FROM rag_documents WHERE tenant_id = :tenantId AND id = :id', { id });
  }

  /** Of a collection that was deleted; at most `limit`. Returns those that are gone. */
  async dropCollection(collectionId: string, limit: number): Promise<Pick<KnownDocument, 'id' | 'source'>[]> {
    return this.db.sql(
      `DELETE FROM rag_documents WHERE tenant_id = :tenantId AND id IN (
         SELECT id FROM rag_documents WHERE tenant_id = :tenantId AND collection_id = :collectionId LIMIT :limit)
       RETURNING id, source`,
      { collectionId, limit },
    );
  }

  /** Requests can not be repeated any more after a day. Needs a system actor. */
  async forgetBatches(): Promise<void> {
    await this.db.systemSql(`DELETE FROM rag_batches WHERE created_at < now() - interval '2 days'`);
  }

  /**
   * Of these, those whose tenant is of this database and has no such document. Bytes of other tenants may be another
   * installation's, which shares the folder. Needs a system actor.
   */
  async withoutDocument(keys: readonly StorageKey[]): Promise<StorageKey[]> {
    return this.db.systemSql<StorageKey>(
      `SELECT k.tenant_id AS "tenantId", k.id FROM unnest(:tenantIds::uuid[], :ids::uuid[]) AS k(tenant_id, id)
       WHERE EXISTS (SELECT 1 FROM tenants t WHERE t.id = k.tenant_id)
         AND NOT EXISTS (SELECT 1 FROM rag_documents d WHERE d.tenant_id = k.tenant_id AND d.id = k.id)`,
      { tenantIds: keys.map(({ tenantId }) => tenantId), ids: keys.map(({ id }) => id) },
    );
  }
}

function documentOf(row: object): KnownDocument {
  const { sizeBytes, termTotal, progress, ...document } = camelRow<KnownDocument>(row);
  return {
    ...document,
    sizeBytes: sizeBytes === null ? null : Number(sizeBytes),
    termTotal: Number(termTotal),
    progress: Math.round(progress * 1_000) / 1_000,
  };
}
