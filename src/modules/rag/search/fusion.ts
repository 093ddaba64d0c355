/** How soon repetitions count no more, as in the index. */
const K1 = 1.2;

/** A hit of one channel; ids are the caller's. */
export interface Hit {
  id: string;
  score: number;
}

/** The hits of a channel, the best first. */
export interface Channel {
  hits: readonly Hit[];
  /** There were more, which are not among the hits. */
  isCut: boolean;
}

export interface FusedHit {
  id: string;
  /** From 0 to 1. */
  score: number;
  /** As the channels gave them, on their scale from 0 to 1; null where a channel did not find it. */
  vector: number | null;
  keyword: number | null;
}

/** A cosine as a score: what points away is as far as what has nothing in common. */
export function cosineScore(cosine: number): number {
  return Math.min(1, Math.max(0, cosine));
}

/** BM25 as a part of what a text could reach at most that says all words of the query again and again. */
export function keywordScore(bm25: number, most: number): number {
  return most > 0 ? Math.min(1, Math.max(0, bm25 / most)) : 0;
}

/** What BM25 gives at most for a query. `having`: in how many of the chunks a term is. */
export function mostOfQuery(
  terms: ReadonlyMap<string, number>,
  having: ReadonlyMap<string, number>,
  chunkCount: number,
): number {
  let most = 0;
  for (const [term, times] of terms) {
    const chunks = having.get(term) ?? 0;
    most += times * (K1 + 1) * Math.log(1 + Math.max(0, chunkCount - chunks + 0.5) / (chunks + 0.5));
  }
  return most;
}

/**
 * Both channels as one ranking. Each is brought to its own scale from the score that a hit needed to be in it (the last
 * one's where the list is cut, else 0) to the best one's, and these are weighed against each other; ranks alone would
 * forget by how much one hit is better than the next. `keywordWeight` is from 0 to 1, the vectors have the rest. The
 * score tells besides how good the best hits are at all: it is this place on the scale times what a hit would score
 * that is the best of both channels. Scores of hits are from 0 to 1.
 */
export function fuse(keyword: Channel, vector: Channel, keywordWeight: number): FusedHit[] {
  const [byWords, byVector] = [scale(keyword), scale(vector)];
  const best = keywordWeight * topOf(keyword) + (1 - keywordWeight) * topOf(vector);
  const found = new Map<string, FusedHit>();
  const hitOf = (id: string): FusedHit => {
    const hit = found.get(id) ?? { id, score: 0, vector: null, keyword: null };
    found.set(id, hit);
    return hit;
  };
  for (const { id, score } of keyword.hits) {
    const hit = hitOf(id);
    hit.keyword = score;
    hit.score += keywordWeight * byWords(score) * best;
  }
  for (const { id, score } of vector.hits) {
    const hit = hitOf(id);
    hit.vector = score;
    hit.score += (1 - keywordWeight) * byVector(score) * best;
  }
  for (const hit of found.values()) hit.score = Math.min(1, hit.score);
  // Equal ones keep their order, that of the words before that of the vectors.
  return [...found.values()].sort((a, b) => b.score - a.score);
}

function scale({ hits, isCut }: Channel): (score: number) => number {
  const top = hits[0]?.score ?? 0;
  const floor = isCut ? (hits.at(-1)?.score ?? 0) : 0;
  if (top <= 0) return () => 0;
  // All alike: each is the best.
  return (score) => (top > floor ? Math.max(0, score - floor) / (top - floor) : 1);
}

function topOf({ hits }: Channel): number {
  return hits[0]?.score ?? 0;
}
