import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { EACH, isLive } from './look-ups.js';
import { encodePieces, type Piece } from './pieces.js';
import type { Postings } from './postings.js';

export interface FreshKey {
  number: number;
  position: number;
  chunkCount: number;
}
export interface FreshPostings extends FreshKey {
  content: Buffer;
}
export interface SegmentKey {
  id: string;
  chunkCount: number;
}
export interface StoredSegment extends SegmentKey {
  pieces: Buffer;
}
export interface TermRow extends Postings {
  term: string;
  segmentId: string;
}

interface WorkOfCollection {
  tenantId: string;
  collectionId: string;
}

const ANALYZE_LIMIT_MS = 120_000;

const OF_COLLECTION = 'tenant_id = :tenantId AND collection_id = :collectionId';

/**
 * Segments while they are made. What goes into one is claimed for it, and is searched until the new segment takes its
 * place in one step; a claim whose process died is given up after a while.
 */
@Injectable()
export class SegmentsRepository {
  constructor(private readonly db: Db) {}

  /** Lets the planner know tables that are new to it, or twice as large as when it last looked. Needs a system actor. */
  async analyze(): Promise<void> {
    await this.db.run(() => this.db.systemSql('SELECT atrium_analyze_knowledge()'), { limitMs: ANALYZE_LIMIT_MS });
  }

  /** Collections that may have something to merge or to clear away. Needs a system actor. */
  async collectionsWithWork(): Promise<WorkOfCollection[]> {
    return this.db.systemSql<WorkOfCollection>(
      `SELECT DISTINCT tenant_id AS "tenantId", collection_id AS "collectionId" FROM (
         SELECT f.tenant_id, f.collection_id FROM rag_fresh_postings f
           WHERE EXISTS (SELECT 1 FROM rag_documents d WHERE d.tenant_id = f.tenant_id AND d.number = f.number
             AND d.collection_id = f.collection_id ${EACH})
         UNION ALL SELECT tenant_id, collection_id FROM rag_dropped_versions
         UNION ALL SELECT tenant_id, collection_id FROM rag_segments WHERE status <> 'ready'
         UNION ALL SELECT tenant_id, collection_id FROM rag_segments WHERE status = 'ready'
           GROUP BY tenant_id, collection_id HAVING count(*) > 3) work
       WHERE EXISTS (SELECT 1 FROM rag_collections c
         WHERE c.tenant_id = work.tenant_id AND c.id = work.collection_id AND c.deleted_at IS NULL)`,
    );
  }

  /** Of versions that are live and that nobody merges, the oldest first. */
  async unclaimedFresh(collectionId: string, most: number): Promise<FreshKey[]> {
    return this.db.sql<FreshKey>(
      `SELECT f.number, f.position, f.chunk_count AS "chunkCount" FROM rag_fresh_postings f
       WHERE f.tenant_id = :tenantId AND f.collection_id = :collectionId AND f.merging_into IS NULL AND ${isLive('f')}
       ORDER BY f.number, f.position LIMIT :most`,
      { collectionId, most },
    );
  }

  async segments(collectionId: string): Promise<(SegmentKey & { status: string; isClaimed: boolean })[]> {
    return this.db.sql(
      `SELECT id, chunk_count AS "chunkCount", status, merging_into IS NOT NULL AS "isClaimed"
       FROM rag_segments WHERE ${OF_COLLECTION} ORDER BY id`,
      { collectionId },
    );
  }

  async pieces(collectionId: string): Promise<StoredSegment[]> {
    return this.db.sql<StoredSegment>(
      `SELECT id, chunk_count AS "chunkCount", pieces FROM rag_segments WHERE ${OF_COLLECTION} AND status = 'ready'`,
      { collectionId },
    );
  }

  async open(collectionId: string, id: string): Promise<void> {
    await this.db.sql(
      `INSERT INTO rag_segments (tenant_id, collection_id, id, status, chunk_count, pieces)
       VALUES (:tenantId, :collectionId, :id, 'building', 0, '')`,
      { collectionId, id },
    );
  }

  async claimFresh(collectionId: string, id: string, keys: readonly FreshKey[]): Promise<FreshPostings[]> {
    const rows = await this.db.sql<FreshPostings>(
      `UPDATE rag_fresh_postings SET merging_into = :id
       WHERE ${OF_COLLECTION} AND merging_into IS NULL
         AND (number, position) IN (SELECT * FROM unnest(:numbers::int[], :positions::int[]))
       RETURNING number, position, chunk_count AS "chunkCount", content`,
      { collectionId, id, numbers: keys.map(({ number }) => number), positions: keys.map(({ position }) => position) },
    );
    return rows.sort((a, b) => a.number - b.number || a.position - b.position);
  }

  async claimSegments(collectionId: string, id: string, ids: readonly string[]): Promise<StoredSegment[]> {
    const rows = await this.db.sql<StoredSegment>(
      `UPDATE rag_segments SET merging_into = :id
       WHERE ${OF_COLLECTION} AND id = ANY (:ids::uuid[]) AND status = 'ready' AND merging_into IS NULL
       RETURNING id, chunk_count AS "chunkCount", pieces`,
      { collectionId, id, ids },
    );
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Of each segment the next `most` words after `after`, by word. */
  async terms(collectionId: string, ids: readonly string[], after: string, most: number): Promise<TermRow[]> {
    return this.db.sql<TermRow>(
      `SELECT p.segment_id AS "segmentId", p.term, p.chunk_count AS count, p.last_chunk AS last, p.postings
       FROM unnest(:ids::uuid[]) AS s (id) CROSS JOIN LATERAL (
         SELECT * FROM rag_postings
         WHERE tenant_id = :tenantId AND collection_id = :collectionId AND segment_id = s.id AND term > :after
         ORDER BY term LIMIT :most) p`,
      { collectionId, ids, after, most },
    );
  }

  /** Says as well that the segment is still being made. */
  async addTerms(
    collectionId: string,
    id: string,
    terms: readonly [term: string, postings: Postings][],
  ): Promise<void> {
    const lengths = terms.map(([, { postings }]) => postings.length);
    let end = 1;
    const starts = lengths.map((length) => (end += length) - length);
    await Promise.all([
      this.db.sql(
        `INSERT INTO rag_postings (tenant_id, collection_id, segment_id, term, chunk_count, last_chunk, postings)
         SELECT :tenantId, :collectionId, :id, term, count, last, substr(:bytes::bytea, start, length)
         FROM unnest(:terms::text[], :counts::int[], :lasts::int[], :starts::int[], :lengths::int[])
           AS t (term, count, last, start, length)`,
        {
          ...{ collectionId, id, starts, lengths },
          terms: terms.map(([term]) => term),
          counts: terms.map(([, { count }]) => count),
          lasts: terms.map(([, { last }]) => last),
          bytes: Buffer.concat(terms.map(([, { postings }]) => postings)),
        },
      ),
      this.db.sql(`UPDATE rag_segments SET updated_at = now() WHERE ${OF_COLLECTION} AND id = :id`, {
        collectionId,
        id,
      }),
    ]);
  }

  /** It takes the place of what went into it; false when it was given up meanwhile. */
  async finish(collectionId: string, id: string, pieces: readonly Piece[]): Promise<boolean> {
    const chunkCount = pieces.reduce((sum, { count }) => sum + count, 0);
    const ready = await this.db.sql(
      `UPDATE rag_segments SET status = 'ready', chunk_count = :chunkCount, pieces = :pieces
       WHERE ${OF_COLLECTION} AND id = :id AND status = 'building' RETURNING 1`,
      { collectionId, id, chunkCount, pieces: encodePieces(pieces) },
    );
    if (ready.length === 0) return false;
    await Promise.all([
      this.db.sql(`DELETE FROM rag_fresh_postings WHERE ${OF_COLLECTION} AND merging_into = :id`, { collectionId, id }),
      this.db.sql(`UPDATE rag_segments SET status = 'dropped' WHERE ${OF_COLLECTION} AND merging_into = :id`, {
        ...{ collectionId, id },
      }),
    ]);
    return true;
  }

  /** Those that nobody has worked on for long, and what they had claimed is free again. */
  async giveUp(collectionId: string, before: Date): Promise<void> {
    const given = `SELECT id FROM rag_segments WHERE ${OF_COLLECTION} AND status = 'building' AND updated_at < :before`;
    await this.db.sql(
      `WITH given AS (
         UPDATE rag_segments SET status = 'dropped' WHERE ${OF_COLLECTION} AND id IN (${given} FOR UPDATE) RETURNING id),
       fresh AS (
         UPDATE rag_fresh_postings SET merging_into = NULL
         WHERE ${OF_COLLECTION} AND merging_into IN (SELECT id FROM given))
       UPDATE rag_segments SET merging_into = NULL
       WHERE ${OF_COLLECTION} AND status = 'ready' AND merging_into IN (SELECT id FROM given)`,
      { collectionId, before },
    );
  }

  /**
   * Deletes at most `most` postings of a dropped segment, and at last itself; returns how many rows went. None while
   * another process is at it: two that delete the same rows, each in its own order, would wait for each other.
   */
  async clear(collectionId: string, id: string, most: number): Promise<number> {
    const held = await this.db.sql(
      `SELECT 1 FROM rag_segments WHERE ${OF_COLLECTION} AND id = :id AND status = 'dropped' FOR UPDATE SKIP LOCKED`,
      { collectionId, id },
    );
    if (held.length === 0) return 0;
    const rows = await this.db.sql(
      `DELETE FROM rag_postings WHERE tenant_id = :tenantId AND ctid = ANY (ARRAY(
         SELECT ctid FROM rag_postings WHERE ${OF_COLLECTION} AND segment_id = :id LIMIT :most)) RETURNING 1`,
      { collectionId, id, most },
    );
    if (rows.length === 0)
      await this.db.sql(`DELETE FROM rag_segments WHERE ${OF_COLLECTION} AND id = :id AND status = 'dropped'`, {
        ...{ collectionId, id },
      });
    return rows.length;
  }

  async droppedVersions(collectionId: string): Promise<number[]> {
    const rows = await this.db.sql<{ number: number }>(
      `SELECT number FROM rag_dropped_versions WHERE ${OF_COLLECTION}`,
      { collectionId },
    );
    return rows.map(({ number }) => number);
  }

  /** They are in no segment any more. */
  async forgetDropped(collectionId: string, numbers: readonly number[]): Promise<void> {
    await this.db.sql(`DELETE FROM rag_dropped_versions WHERE ${OF_COLLECTION} AND number = ANY (:numbers::int[])`, {
      ...{ collectionId, numbers },
    });
  }
}
