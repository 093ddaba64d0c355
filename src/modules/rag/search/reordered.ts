import type { Look } from '../rerank/candidate.js';
import type { SearchResultDto } from './search.dto.js';

/** Results as a closer look has them, the best first; those that were not looked at come behind, in their order. */
export function reordered(results: readonly SearchResultDto[], looks: readonly (Look | null)[]): SearchResultDto[] {
  const seen = results.flatMap((result, index) => {
    const look = looks[index];
    return look ? [{ ...result, score: look.score, scores: { ...result.scores, rerank: look.relevance } }] : [];
  });
  seen.sort((a, b) => b.score - a.score);
  const least = seen.at(-1)?.score ?? 1;
  const unseen = results.filter((_, index) => !looks[index]);
  return [...seen, ...unseen.map((result) => ({ ...result, score: Math.min(result.score, least) }))];
}
