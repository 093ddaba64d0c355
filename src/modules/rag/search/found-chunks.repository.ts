import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import { READABLE_COLLECTION, readerParameters } from '../collections/collection-access.js';
import { EACH } from '../index/look-ups.js';
import type { ChunkPlace } from '../index/knowledge-index.service.js';
import type { RankedChunk } from './ranked-chunks.js';
import type { SearchResultDto } from './search.dto.js';

interface FoundRow extends Omit<SearchResultDto, 'score' | 'scores'> {
  place: number;
}

/** What stands at the places that a search has found. */
@Injectable()
export class FoundChunksRepository {
  constructor(private readonly db: Db) {}

  /** Of collections that the caller may read still. */
  async shown(ranked: readonly RankedChunk[]): Promise<SearchResultDto[]> {
    if (ranked.length === 0) return [];
    const rows = await this.db.sql<object>(
      `SELECT found.place::int AS place, k.id AS chunk_id, k.document_id, d.title AS document_title, k.collection_id,
         k.content, k.position, k.page, k.heading_path, d.metadata
       FROM unnest(:collectionIds::uuid[], :numbers::int[], :positions::int[]) WITH ORDINALITY
         AS found (collection_id, number, position, place)
       CROSS JOIN LATERAL (
         SELECT * FROM rag_chunks k WHERE k.tenant_id = :tenantId AND k.collection_id = found.collection_id
           AND k.number = found.number AND k.position = found.position ${EACH}) k
       CROSS JOIN LATERAL (
         SELECT * FROM rag_documents d
         WHERE d.tenant_id = :tenantId AND d.id = k.document_id AND d.number = k.number ${EACH}) d
       WHERE EXISTS (SELECT 1 FROM rag_collections c
         WHERE c.tenant_id = :tenantId AND c.id = found.collection_id AND ${READABLE_COLLECTION} ${EACH})
       ORDER BY found.place`,
      { ...placesOf(ranked), ...readerParameters() },
    );
    return rows.map((row) => {
      const { place, ...chunk } = camelRow<FoundRow>(row);
      const { score, scores } = ranked[place - 1] as RankedChunk;
      return { ...chunk, score, scores };
    });
  }

  /** Ids of the documents, in the order of the chunks. */
  async documentsOf(places: readonly ChunkPlace[]): Promise<string[]> {
    if (places.length === 0) return [];
    const rows = await this.db.sql<{ id: string }>(
      `SELECT d.id FROM unnest(:collectionIds::uuid[], :numbers::int[], :positions::int[]) WITH ORDINALITY
         AS found (collection_id, number, position, place)
       CROSS JOIN LATERAL (
         SELECT d.id FROM rag_documents d WHERE d.tenant_id = :tenantId AND d.number = found.number
           AND d.collection_id = found.collection_id ${EACH}) d
       ORDER BY found.place`,
      placesOf(places),
    );
    return rows.map(({ id }) => id);
  }
}

function placesOf(places: readonly ChunkPlace[]) {
  return {
    collectionIds: places.map(({ collectionId }) => collectionId),
    numbers: places.map(({ number }) => number),
    positions: places.map(({ position }) => position),
  };
}
