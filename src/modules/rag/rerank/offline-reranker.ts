import { setImmediate as eventLoop } from 'node:timers/promises';
import { termsInOrder } from '../analysis/analyze.js';
import type { Language } from '../analysis/languages.js';
import type { Candidate, CollectionWords, Look, Reranker, Reranking } from './candidate.js';
import { closerLook } from './closer-look.js';

/** Of the score; the first ranking has the rest. Measured, see `closerLook`. */
const WEIGHT = 0.4;
const MOST_QUERY_TERMS = 512;
const MOST_TERMS = 5_000;

/** Looks at words, their order and nearness: asks nobody. */
export class OfflineReranker implements Reranker {
  async look({ query, candidates, signal }: Reranking): Promise<Look[]> {
    const best = Math.max(0, ...candidates.map(({ score }) => score));
    const queries = new Map<Language, string[]>();
    const looks: Look[] = [];
    for (const candidate of candidates) {
      const { language } = candidate.words;
      const terms = queries.get(language) ?? (await termsInOrder(query, language, MOST_QUERY_TERMS));
      queries.set(language, terms);
      const relevance = await relevanceOf(candidate, terms);
      looks.push({ relevance, score: (1 - WEIGHT) * candidate.score + WEIGHT * relevance * best });
      // Fifty long passages are some work.
      await eventLoop();
      signal.throwIfAborted();
    }
    return looks;
  }
}

async function relevanceOf(
  { documentTitle, headingPath, content, words }: Candidate,
  terms: string[],
): Promise<number> {
  const above = await termsInOrder([documentTitle, ...headingPath].join('\n'), words.language, MOST_QUERY_TERMS);
  const at = { above, terms: await termsInOrder(content, words.language, MOST_TERMS) };
  return closerLook({ terms, rarity: (term) => rarityOf(term, words) }, at);
}

function rarityOf(term: string, { having, chunkCount }: CollectionWords): number {
  const chunks = having.get(term) ?? 0;
  return Math.log(1 + Math.max(0, chunkCount - chunks + 0.5) / (chunks + 0.5));
}
