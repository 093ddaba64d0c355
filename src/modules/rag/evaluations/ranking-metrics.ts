/** How good one ranking, or the mean of many, is. Each figure is from 0 to 1. */
export interface RankingMetrics {
  ndcgAt10: number;
  recallAt10: number;
  recallAt100: number;
  mrr: number;
}

export const NO_METRICS: RankingMetrics = { ndcgAt10: 0, recallAt10: 0, recallAt100: 0, mrr: 0 };

/**
 * Of one ranking, the best first, against what is relevant, all of it to the same degree. nDCG as in Järvelin and
 * Kekäläinen (2002) with gain 1 and discount log2(rank + 1); MRR counts the first hit among the first 100.
 */
export function metricsOf(ranking: readonly string[], relevant: ReadonlySet<string>): RankingMetrics {
  const hits = ranking.slice(0, 100).map((id) => relevant.has(id));
  const found = (depth: number) => hits.slice(0, depth).filter(Boolean).length / relevant.size;
  const gain = sum(hits.slice(0, 10).map((isHit, at) => (isHit ? discount(at) : 0)));
  const best = sum(Array.from({ length: Math.min(10, relevant.size) }, (_, at) => discount(at)));
  const first = hits.indexOf(true);
  return {
    ndcgAt10: gain / best,
    recallAt10: found(10),
    recallAt100: found(100),
    mrr: first < 0 ? 0 : 1 / (first + 1),
  };
}

export function added(left: RankingMetrics, right: RankingMetrics): RankingMetrics {
  return {
    ndcgAt10: left.ndcgAt10 + right.ndcgAt10,
    recallAt10: left.recallAt10 + right.recallAt10,
    recallAt100: left.recallAt100 + right.recallAt100,
    mrr: left.mrr + right.mrr,
  };
}

/** The mean of so many, to four digits. */
export function mean(sums: RankingMetrics, count: number): RankingMetrics {
  const of = (total: number) => Math.round((total / count) * 10_000) / 10_000;
  return {
    ndcgAt10: of(sums.ndcgAt10),
    recallAt10: of(sums.recallAt10),
    recallAt100: of(sums.recallAt100),
    mrr: of(sums.mrr),
  };
}

function discount(at: number): number {
  return 1 / Math.log2(at + 2);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
