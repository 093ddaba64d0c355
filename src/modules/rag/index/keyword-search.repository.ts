import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { decodeFresh } from './fresh-content.js';
import { isLive } from './look-ups.js';
import { KeywordScores, type Candidate, type Source, type TermPostings } from './keyword-scores.js';
import type { MatchingDocuments } from './matching-documents.js';
import { decodePieces } from './pieces.js';

/**
 * Postings that a search reads at most, the rarest words first: a million takes some 50 ms. What a word says that most
 * chunks have is little.
 */
const MOST_POSTINGS = 300_000;
/** Pieces of segments that are kept here, some 100 bytes each: those of a segment never change. */
const MOST_KEPT = 1_000_000;

const DROPPED = `SELECT number FROM rag_dropped_versions WHERE tenant_id = :tenantId AND collection_id = :collectionId
  UNION SELECT number FROM rag_garbage
  WHERE tenant_id = :tenantId AND collection_id = :collectionId AND number IS NOT NULL`;

export interface KeywordQuery {
  collectionId: string;
  /** The words of the query, and how often it has each. */
  terms: ReadonlyMap<string, number>;
  /** 0: only how frequent the words are is wanted. */
  most: number;
  matching: MatchingDocuments;
}

/** How rare the words of a query are in a collection. */
export interface WordFrequencies {
  chunkCount: number;
  /** In how many chunks each word is. */
  having: ReadonlyMap<string, number>;
}

export interface KeywordFindings {
  candidates: Candidate[];
  frequencies: WordFrequencies;
}

interface SegmentRow {
  id: string;
  chunkCount: number;
  pieces: Buffer | null;
}
interface Segment extends Source {
  id: string;
}
interface FreshRow {
  number: number;
  position: number;
  chunkCount: number;
  content: Buffer;
}
interface PostingsRow {
  term: string;
  segmentId: string;
  chunkCount: number;
  postings: Buffer | null;
}

/** BM25 over the postings of a collection. They are read here, since Postgres takes ten times as long to add them up. */
@Injectable()
export class KeywordSearchRepository {
  private readonly kept = new Map<string, ReadonlyMap<string, Segment>>();
  private keptPieces = 0;

  constructor(private readonly db: Db) {}

  async best(query: KeywordQuery): Promise<KeywordFindings> {
    const { collectionId, terms, most, matching } = query;
    if (terms.size === 0 || matching.isNone) return NOTHING;
    const [statistics, dropped, segments, fresh, postings] = await Promise.all([
      this.statistics(collectionId),
      this.dropped(collectionId),
      this.segments(collectionId),
      this.fresh(collectionId),
      this.postings(collectionId, [...terms.keys()], most > 0),
    ]);
    const sources: Source[] = [...segments];
    const lists = new Map<string, TermPostings[]>();
    const bySegment = new Map(segments.map(({ id }, n) => [id, n]));
    // Words that are not read, being too frequent or only to be counted, and in how many chunks they are.
    const skipped = new Map<string, number>();
    for (const { term, segmentId, chunkCount, postings: bytes } of postings) {
      const source = bySegment.get(segmentId);
      if (source === undefined) continue;
      if (bytes === null) skipped.set(term, (skipped.get(term) ?? 0) + chunkCount);
      else listOf(lists, term).push({ source, count: chunkCount, postings: bytes });
    }
    for (const { number, position, chunkCount, content } of fresh) {
      const source = sources.push({ pieces: [{ number, position, count: chunkCount }], chunkCount }) - 1;
      for (const [term, { count, postings: bytes }] of decodeFresh(content, new Set(terms.keys())))
        if (skipped.has(term)) skipped.set(term, (skipped.get(term) ?? 0) + count);
        else listOf(lists, term).push({ source, count, postings: bytes });
    }
    const scores = new KeywordScores(sources, statistics, dropped);
    // In one order wherever the postings are, so that sums are the same to the last bit.
    const having = new Map<string, number>();
    for (const [term, weight] of [...terms].sort(([a], [b]) => (a < b ? -1 : 1)))
      having.set(term, skipped.get(term) ?? scores.add(weight, lists.get(term) ?? []));
    const frequencies = { chunkCount: statistics.chunkCount, having };
    if (most === 0) return { candidates: [], frequencies };
    if (matching.numbers) return { candidates: scores.best(most, matching.numbers), frequencies };
    return { candidates: await this.living(scores, query), frequencies };
  }

  /** Looks down the list until enough are live and match. */
  private async living(scores: KeywordScores, { collectionId, most, matching }: KeywordQuery): Promise<Candidate[]> {
    for (let looked = 2 * most + 20; ; looked *= 8) {
      const candidates = scores.best(looked, null);
      const numbers = new Set(candidates.map(({ number }) => number));
      if (numbers.size === 0) return [];
      const rows = await this.db.sql<{ number: number }>(
        `SELECT v.number FROM unnest(:candidates::int[]) AS v (number)
         WHERE ${matching.livingCondition('v')}`,
        { ...matching.parameters, collectionId, candidates: [...numbers] },
        { varies: matching.varies },
      );
      const found = new Set(rows.map(({ number }) => number));
      const living = candidates.filter(({ number }) => found.has(number));
      if (living.length >= most || candidates.length < looked) return living.slice(0, most);
    }
  }

  private async statistics(collectionId: string) {
    const [row] = await this.db.sql<{ chunkCount: number; termTotal: string }>(
      `SELECT chunk_count AS "chunkCount", term_total AS "termTotal" FROM rag_collections
       WHERE tenant_id = :tenantId AND id = :collectionId`,
      { collectionId },
    );
    return { chunkCount: row?.chunkCount ?? 0, termTotal: Number(row?.termTotal ?? 0) };
  }

  /** Versions that were replaced or deleted and may still be in segments. */
  private async dropped(collectionId: string): Promise<Set<number>> {
    const rows = await this.db.sql<{ number: number }>(DROPPED, { collectionId });
    return new Set(rows.map(({ number }) => number));
  }

  private async segments(collectionId: string): Promise<Segment[]> {
    // Held here, since another search may make room in between.
    const known = new Map(this.kept.get(collectionId));
    const rows = await this.db.sql<SegmentRow>(
      `SELECT id, chunk_count AS "chunkCount", CASE WHEN id <> ALL (:known::uuid[]) THEN pieces END AS pieces
       FROM rag_segments WHERE tenant_id = :tenantId AND collection_id = :collectionId AND status = 'ready'
       ORDER BY id`,
      { collectionId, known: [...known.keys()] },
    );
    const segments = rows.map(({ id, chunkCount, pieces }): [string, Segment] => [
      id,
      known.get(id) ?? { id, chunkCount, pieces: decodePieces(pieces ?? Buffer.alloc(0)) },
    ]);
    this.keep(collectionId, new Map(segments));
    return segments.map(([, segment]) => segment);
  }

  /** A version that is being made is not counted yet. */
  private fresh(collectionId: string): Promise<FreshRow[]> {
    return this.db.sql<FreshRow>(
      `SELECT f.number, f.position, f.chunk_count AS "chunkCount", f.content
       FROM rag_fresh_postings f
       WHERE f.tenant_id = :tenantId AND f.collection_id = :collectionId AND ${isLive('f')}
       ORDER BY f.number, f.position`,
      { collectionId },
    );
  }

  /**
   * The rarest words first; without the bytes of those beyond the limit. To be counted, they are needed only where some of
   * what they say was dropped.
   */
  private postings(collectionId: string, terms: readonly string[], isScored: boolean): Promise<PostingsRow[]> {
    return this.db.sql<PostingsRow>(
      `SELECT term, segment_id AS "segmentId", chunk_count AS "chunkCount",
              CASE WHEN coalesce(before, 0) < ${MOST_POSTINGS} AND (:isScored::boolean OR EXISTS (${DROPPED}))
                THEN postings END AS postings
       FROM (
         SELECT found.*, sum(chunk_count) OVER (ORDER BY in_all, term GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                  AS before
         FROM (
           SELECT p.*, sum(p.chunk_count) OVER (PARTITION BY p.term) AS in_all
           FROM rag_segments s CROSS JOIN unnest(:terms::text[]) AS t (term)
           CROSS JOIN LATERAL (
             SELECT p.term, p.segment_id, p.chunk_count, p.postings FROM rag_postings p
             WHERE p.tenant_id = :tenantId AND p.collection_id = :collectionId AND p.segment_id = s.id
               AND p.term = t.term COLLATE "C"
             OFFSET 0) p
           WHERE s.tenant_id = :tenantId AND s.collection_id = :collectionId AND s.status = 'ready') found) counted`,
      { collectionId, terms, isScored },
    );
  }

  /** Those of the collections that were searched last. */
  private keep(collectionId: string, segments: ReadonlyMap<string, Segment>): void {
    this.forget(collectionId);
    this.kept.set(collectionId, segments);
    this.keptPieces += piecesOf(segments);
    for (const oldest of this.kept.keys()) {
      if (this.keptPieces <= MOST_KEPT) break;
      this.forget(oldest);
    }
  }

  private forget(collectionId: string): void {
    this.keptPieces -= piecesOf(this.kept.get(collectionId) ?? new Map());
    this.kept.delete(collectionId);
  }
}

function piecesOf(segments: ReadonlyMap<string, Segment>): number {
  let count = 0;
  for (const { pieces } of segments.values()) count += 1 + pieces.length;
  return count;
}

const NOTHING: KeywordFindings = { candidates: [], frequencies: { chunkCount: 0, having: new Map() } };

function listOf(lists: Map<string, TermPostings[]>, term: string): TermPostings[] {
  let list = lists.get(term);
  if (!list) lists.set(term, (list = []));
  return list;
}
