import type { QueryWords } from '../analysis/analyze.js';
import type { WordWeights } from '../embeddings/offline-embedding.js';

/**
 * How much each word of a query counts in its offline vector: the rarer where it is searched for, the more (from 0 to 1,
 * the idf of BM25 as a part of that of a word nobody has). `having`: in how many chunks a term is.
 */
export function wordWeights(
  { words }: QueryWords,
  having: ReadonlyMap<string, number>,
  chunkCount: number,
): WordWeights | undefined {
  const most = rarity(0, chunkCount);
  const weights = new Map<string, number>();
  for (const [word, terms] of words) {
    const rarest = Math.max(0, ...terms.map((term) => rarity(having.get(term) ?? 0, chunkCount) / most));
    weights.set(word, rarest);
  }
  // A query of function words alone is still looked for.
  return [...weights.values()].some((weight) => weight > 0) ? weights : undefined;
}

function rarity(having: number, chunkCount: number): number {
  return Math.log(1 + Math.max(0, chunkCount - having + 0.5) / (having + 0.5));
}
