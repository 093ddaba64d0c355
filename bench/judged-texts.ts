import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface BenchText {
  id: string;
  title: string;
  text: string;
}

/** Documents and queries, and for each query the documents that answer it. */
export interface JudgedTexts {
  documents: BenchText[];
  /** Those that have an answer. */
  queries: { id: string; text: string; relevant: ReadonlyMap<string, number> }[];
}

/** As BEIR has them. */
export function readJudgedTexts(folder: string): JudgedTexts {
  const lines = (file: string) => readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean);
  const texts = (file: string) =>
    lines(file).map((line): BenchText => {
      const { _id, title = '', text } = JSON.parse(line) as { _id: string; title?: string; text: string };
      return { id: _id, title, text };
    });
  const judgements = new Map<string, Map<string, number>>();
  for (const line of lines('qrels.tsv').slice(1)) {
    const [query = '', document = '', gain = '0'] = line.split('\t');
    const relevant = judgements.get(query) ?? new Map<string, number>();
    if (Number(gain) > 0) judgements.set(query, relevant.set(document, Number(gain)));
  }
  const queries = texts('queries.jsonl').map(({ id, text }) => ({
    ...{ id, text },
    relevant: judgements.get(id) ?? new Map<string, number>(),
  }));
  return { documents: texts('corpus.jsonl'), queries: queries.filter(({ relevant }) => relevant.size > 0) };
}

export interface Judged {
  ndcg: number;
  recall: number;
  mrr: number;
}

/** Of one ranking of documents, the best first: nDCG@10, Recall@100, and 1 / the rank of the first hit of the first 10. */
export function judge(ranking: readonly string[], relevant: ReadonlyMap<string, number>): Judged {
  const gains = ranking.slice(0, 10).map((id) => relevant.get(id) ?? 0);
  const best = [...relevant.values()].sort((a, b) => b - a).slice(0, 10);
  const first = gains.findIndex((gain) => gain > 0);
  return {
    ndcg: discounted(gains) / discounted(best),
    recall: ranking.slice(0, 100).filter((id) => relevant.has(id)).length / relevant.size,
    mrr: first < 0 ? 0 : 1 / (first + 1),
  };
}

function discounted(gains: readonly number[]): number {
  return gains.reduce((sum, gain, n) => sum + gain / Math.log2(n + 2), 0);
}
