import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { MatchingDocuments, type DocumentFilter } from './matching-documents.js';
import { exactLimit, type IndexedSpace } from './vector-space.js';

/** What a filter leaves of collections. */
@Injectable()
export class DocumentsFilterRepository {
  constructor(private readonly db: Db) {}

  /** By collection. */
  async matching(spaces: readonly IndexedSpace[], filter: DocumentFilter): Promise<Map<string, MatchingDocuments>> {
    const rows = await this.db.sql<{ collectionId: string; numbers: string | null }>(
      `SELECT s.collection_id AS "collectionId",
              CASE WHEN sum(d.chunk_count) <= max(s.most) THEN string_agg(d.number::text, ',') END AS numbers
       FROM unnest(:collectionIds::uuid[], :limits::int[]) AS s (collection_id, most)
       JOIN rag_documents d ON d.tenant_id = :tenantId AND d.collection_id = s.collection_id
       WHERE d.number IS NOT NULL AND (${filter.sql})
       GROUP BY s.collection_id`,
      {
        ...filter.parameters,
        collectionIds: spaces.map(({ collectionId }) => collectionId),
        limits: spaces.map(({ dimensions }) => exactLimit(dimensions)),
      },
      { varies: true },
    );
    const found = new Map(rows.map(({ collectionId, numbers }) => [collectionId, numbers]));
    return new Map(
      spaces.map(({ collectionId }) => {
        const numbers = found.get(collectionId);
        if (numbers === null) return [collectionId, MatchingDocuments.many(filter)];
        return [collectionId, MatchingDocuments.few(numbers?.split(',').map(Number) ?? [])];
      }),
    );
  }
}
