import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import { READABLE_COLLECTION, readerParameters } from './collection-access.js';
import type { Collection, VectorSpace } from './collection.js';

const COLUMNS = `c.tenant_id, c.id, c.name, c.description, c.language, c.chunking, c.user_ids, c.metadata,
  c.embedding_model, c.dimensions, c.space_id, c.next_model, c.next_dimensions, c.next_space_id,
  c.document_count, c.chunk_count, c.term_total, c.created_by, c.created_at, c.updated_at`;

/** Of a collection whose vectors are being made anew; those that are new themselves are not waited for. */
const DOCUMENTS_LEFT = `CASE WHEN c.next_space_id IS NULL THEN 0 ELSE (
  SELECT count(*)::int FROM rag_ingestions i
  JOIN rag_documents d ON d.tenant_id = i.tenant_id AND d.id = i.document_id AND d.number IS NOT NULL
  WHERE i.tenant_id = c.tenant_id AND i.collection_id = c.id) END AS documents_left`;

type NewCollection = Pick<
  Collection,
  | 'id'
  | 'name'
  | 'description'
  | 'language'
  | 'chunking'
  | 'userIds'
  | 'metadata'
  | 'embeddingModel'
  | 'dimensions'
  | 'spaceId'
  | 'createdBy'
  | 'createdAt'
>;
type Settable = Pick<Collection, 'name' | 'description' | 'language' | 'chunking' | 'userIds' | 'metadata'>;
export type ListedCollection = Collection & { documentsLeft: number };

@Injectable()
export class CollectionsRepository {
  constructor(private readonly db: Db) {}

  async add(collection: NewCollection): Promise<void> {
    await this.db.sql(
      `INSERT INTO rag_collections (tenant_id, id, name, description, language, chunking, user_ids, metadata,
         embedding_model, dimensions, space_id, created_by, created_at, updated_at)
       VALUES (:tenantId, :id, :name, :description, :language, :chunking, :userIds, :metadata,
         :embeddingModel, :dimensions, :spaceId, :createdBy, :createdAt, :createdAt)`,
      {
        ...collection,
        chunking: JSON.stringify(collection.chunking),
        metadata: JSON.stringify(collection.metadata),
      },
    );
  }

  /** One that the caller may read. */
  async findReadable(id: string): Promise<ListedCollection | null> {
    const [found] = await this.db.sql<object>(
      `SELECT ${COLUMNS}, ${DOCUMENTS_LEFT} FROM rag_collections c
       WHERE c.tenant_id = :tenantId AND c.id = :id AND ${READABLE_COLLECTION}`,
      { id, ...readerParameters() },
    );
    return found ? collectionOf(found) : null;
  }

  /** Those of them that the caller may read, in no order. */
  async readable(ids: readonly string[]): Promise<Collection[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_collections c
       WHERE c.tenant_id = :tenantId AND c.id = ANY (:ids::uuid[]) AND ${READABLE_COLLECTION}`,
      { ids, ...readerParameters() },
    );
    return rows.map(collectionOf);
  }

  /** The newest first. */
  async readableIds(most: number | null): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `SELECT c.id FROM rag_collections c WHERE c.tenant_id = :tenantId AND ${READABLE_COLLECTION}
       ORDER BY c.id DESC LIMIT :most::int`,
      { most, ...readerParameters() },
    );
    return rows.map(({ id }) => id);
  }

  /** Newest first, older than `before`. */
  async listReadable(filter: { search?: string; before: string | null; limit: number }): Promise<ListedCollection[]> {
    const { search, before, limit } = filter;
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS}, ${DOCUMENTS_LEFT} FROM rag_collections c
       WHERE c.tenant_id = :tenantId AND ${READABLE_COLLECTION}
         AND (:before::uuid IS NULL OR c.id < :before::uuid)
         AND (:search::text IS NULL OR position(lower(:search) IN lower(c.name)) > 0)
       ORDER BY c.id DESC LIMIT :limit`,
      { search: search ?? null, before, limit, ...readerParameters() },
    );
    return rows.map(collectionOf);
  }

  /** Those of them that are there, whoever may read them. */
  async existing(ids: readonly string[]): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      'SELECT id FROM rag_collections WHERE tenant_id = :tenantId AND id = ANY (:ids::uuid[]) AND deleted_at IS NULL',
      { ids },
    );
    return rows.map(({ id }) => id);
  }

  /** Whoever may read it; null once it is deleted. */
  async find(id: string): Promise<Collection | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_collections c
       WHERE c.tenant_id = :tenantId AND c.id = :id AND c.deleted_at IS NULL`,
      { id },
    );
    return rows[0] ? collectionOf(rows[0]) : null;
  }

  /**
   * As `find`, locked until the transaction ends. Who changes its documents or their work holds it first, so that nobody
   * waits for another in a circle.
   */
  async lock(id: string): Promise<Collection | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_collections c
       WHERE c.tenant_id = :tenantId AND c.id = :id AND c.deleted_at IS NULL FOR NO KEY UPDATE`,
      { id },
    );
    return rows[0] ? collectionOf(rows[0]) : null;
  }

  async change(id: string, { name, description, language, chunking, userIds, metadata }: Settable): Promise<void> {
    await this.db.sql(
      `UPDATE rag_collections SET name = :name, description = :description, language = :language,
         chunking = :chunking, user_ids = :userIds, metadata = :metadata, updated_at = now()
       WHERE tenant_id = :tenantId AND id = :id`,
      {
        ...{ id, name, description, language, userIds },
        chunking: JSON.stringify(chunking),
        metadata: JSON.stringify(metadata),
      },
    );
  }

  /** Null: there is none to be filled any more. */
  async setNextSpace(id: string, next: VectorSpace | null): Promise<void> {
    await this.db.sql(
      `UPDATE rag_collections SET next_space_id = :spaceId, next_model = :model, next_dimensions = :dimensions
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, spaceId: next?.spaceId ?? null, model: next?.model ?? null, dimensions: next?.dimensions ?? null },
    );
  }

  /** The space that was filled serves from now on. */
  async moveToNextSpace(id: string): Promise<void> {
    await this.db.sql(
      `UPDATE rag_collections SET space_id = next_space_id, embedding_model = next_model, dimensions = next_dimensions,
         next_space_id = NULL, next_model = NULL, next_dimensions = NULL
       WHERE tenant_id = :tenantId AND id = :id AND next_space_id IS NOT NULL`,
      { id },
    );
  }

  async count(id: string, added: { documents?: number; chunks?: number; terms?: number }): Promise<void> {
    const { documents = 0, chunks = 0, terms = 0 } = added;
    await this.db.sql(
      `UPDATE rag_collections SET document_count = document_count + :documents, chunk_count = chunk_count + :chunks,
         term_total = term_total + :terms
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, documents, chunks, terms },
    );
  }

  /** A number for a version of one of its documents; null when it is deleted. */
  async nextNumber(id: string): Promise<number | null> {
    const [row] = await this.db.sql<{ number: number }>(
      `UPDATE rag_collections SET last_number = last_number + 1
       WHERE tenant_id = :tenantId AND id = :id AND deleted_at IS NULL RETURNING last_number AS number`,
      { id },
    );
    return row?.number ?? null;
  }

  async deletedBefore(before: Date): Promise<{ id: string }[]> {
    return this.db.sql<{ id: string }>(
      'SELECT id FROM rag_collections WHERE tenant_id = :tenantId AND deleted_at < :before',
      { before },
    );
  }

  /** One that is deleted, for this transaction; false where another process is at it, or it is gone. */
  async holdDeleted(id: string): Promise<boolean> {
    const rows = await this.db.sql(
      `SELECT 1 FROM rag_collections WHERE tenant_id = :tenantId AND id = :id AND deleted_at IS NOT NULL
       FOR NO KEY UPDATE SKIP LOCKED`,
      { id },
    );
    return rows.length > 0;
  }

  async remove(id: string): Promise<void> {
    await this.db.sql('DELETE FROM rag_collections WHERE tenant_id = :tenantId AND id = :id', { id });
  }

  async markDeleted(id: string): Promise<void> {
    await this.db.sql('UPDATE rag_collections SET deleted_at = now() WHERE tenant_id = :tenantId AND id = :id', { id });
  }
}

function collectionOf(row: object): ListedCollection {
  const collection = camelRow<ListedCollection>(row);
  return { ...collection, termTotal: Number(collection.termTotal) };
}
