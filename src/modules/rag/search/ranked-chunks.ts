import type { ChunkPlace, IndexFindings, Ranking } from '../index/knowledge-index.service.js';
import { cosineScore, fuse, keywordScore, mostOfQuery, type Channel, type FusedHit, type Hit } from './fusion.js';
import type { SearchMode } from './search.dto.js';

export interface RankedChunk extends ChunkPlace {
  /** From 0 to 1. */
  score: number;
  scores: { vector: number | null; keyword: number | null; rerank: number | null };
}

/** Found in one collection, with the words of the query as it was searched for them there. */
export type CollectionFindings = IndexFindings & { terms: ReadonlyMap<string, number> };

interface RankingOptions {
  mode: SearchMode;
  /** Candidates of each channel that were asked for, of each collection. */
  depth: number;
  /** Of hybrid searches: from 0 to 1, the vectors have the rest. */
  keywordWeight: number;
}

/** What both channels found in all collections, as one ranking, the best first. */
export function rankedChunks(
  findings: readonly CollectionFindings[],
  { mode, depth, keywordWeight }: RankingOptions,
): RankedChunk[] {
  const places = new Map<string, ChunkPlace>();
  const hit = (place: Ranking[number], score: number): Hit => {
    const { collectionId, number, position } = place;
    const id = `${collectionId} ${number} ${position}`;
    places.set(id, { collectionId, number, position });
    return { id, score };
  };
  const channel = (of: (found: CollectionFindings) => Hit[]): Channel => {
    const lists = findings.map(of);
    return { hits: lists.flat().sort((a, b) => b.score - a.score), isCut: lists.some(({ length }) => length >= depth) };
  };
  const vector = channel((found) => found.vector.map((place) => hit(place, cosineScore(place.score))));
  const keyword = channel(({ keyword: ranking, frequencies: { having, chunkCount }, terms }) => {
    const most = mostOfQuery(terms, having, chunkCount);
    return ranking.map((place) => hit(place, keywordScore(place.score, most)));
  });
  return hitsOf(mode, { vector, keyword }, keywordWeight).flatMap(({ id, score, ...scores }) => {
    const place = places.get(id);
    return place ? [{ ...place, score, scores: { ...scores, rerank: null } }] : [];
  });
}

function hitsOf(mode: SearchMode, of: { vector: Channel; keyword: Channel }, keywordWeight: number): FusedHit[] {
  if (mode === 'vector') return of.vector.hits.map((found) => ({ ...found, vector: found.score, keyword: null }));
  if (mode === 'keyword') return of.keyword.hits.map((found) => ({ ...found, vector: null, keyword: found.score }));
  return fuse(of.keyword, of.vector, keywordWeight);
}
