import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { analyze, analyzeQuery, type Analysis, type QueryWords } from '../src/modules/rag/analysis/analyze.js';
import { embedOffline } from '../src/modules/rag/embeddings/offline-embedding.js';
import { added, mean, metricsOf, NO_METRICS } from '../src/modules/rag/evaluations/ranking-metrics.js';
import { OfflineReranker } from '../src/modules/rag/rerank/offline-reranker.js';
import {
  cosineScore,
  fuse,
  keywordScore,
  mostOfQuery,
  type Channel,
  type FusedHit,
} from '../src/modules/rag/search/fusion.js';
import { wordWeights } from '../src/modules/rag/search/word-weights.js';
import { publicLines } from './public-data.js';

interface Text {
  _id: string;
  title?: string;
  text: string;
}

const [K1, B] = [1.2, 0.75];
const DEPTH = 200;
const KEYWORD_WEIGHT = 0.75;
/** Some ten seconds of work. */
const PATIENCE_MS = 300_000;

const RERANKED = 50;
const NEVER = new AbortController().signal;

const documents = read('corpus.jsonl');
const byId = new Map(documents.map((document) => [document._id, document]));
const queries = read('queries.jsonl');
const relevant = new Map<string, Set<string>>();
for (const line of publicLines('retrieval/scifact/qrels.tsv').slice(1)) {
  const [query = '', document = ''] = line.split('\t');
  relevant.set(query, (relevant.get(query) ?? new Set()).add(document));
}

/** What the parts of retrieval are worth together, with nothing external: on SciFact, all in memory. */
(documents.length > 0 ? describe : describe.skip)('The quality of retrieval on SciFact', () => {
  let analyses: Analysis[] = [];
  let vectors: Float32Array[] = [];
  const postings = new Map<string, [document: number, count: number][]>();
  let averageLength = 0;

  beforeAll(async () => {
    const texts = documents.map(({ title, text }) => `${title?.slice(0, 200).trim()}\n\n${text}`);
    analyses = await Promise.all(texts.map((text) => analyze(text, 'english')));
    vectors = await embedOffline(texts);
    averageLength = analyses.reduce((sum, { length }) => sum + length, 0) / analyses.length;
    analyses.forEach(({ terms }, document) => {
      for (const [term, count] of terms) {
        const list = postings.get(term) ?? [];
        postings.set(term, list);
        list.push([document, count]);
      }
    });
  }, PATIENCE_MS);

  afterAll(() => postings.clear());

  function having(query: QueryWords): Map<string, number> {
    return new Map([...query.terms.keys()].map((term) => [term, postings.get(term)?.length ?? 0]));
  }

  function byWords(query: QueryWords): Channel {
    const scores = new Float64Array(documents.length);
    for (const [term, times] of query.terms) {
      const list = postings.get(term) ?? [];
      const rarity = Math.log(1 + (documents.length - list.length + 0.5) / (list.length + 0.5));
      for (const [document, count] of list) {
        const length = (analyses[document]?.length ?? 0) / averageLength;
        scores[document]! += (times * rarity * count * (K1 + 1)) / (count + K1 * (1 - B + B * length));
      }
    }
    const most = mostOfQuery(query.terms, having(query), documents.length);
    return best(scores.map((score) => keywordScore(score, most)));
  }

  async function byVector(text: string, query: QueryWords): Promise<Channel> {
    const [wanted] = await embedOffline([text], wordWeights(query, having(query), documents.length));
    const scores = vectors.map((vector) => {
      let sum = 0;
      for (let n = 0; n < vector.length; n++) sum += vector[n]! * wanted![n]!;
      return cosineScore(sum);
    });
    return best(scores);
  }

  async function lookedAt(text: string, query: QueryWords, fused: readonly FusedHit[]): Promise<{ id: string }[]> {
    const words = { language: 'english', having: having(query), chunkCount: documents.length } as const;
    const candidates = fused.slice(0, RERANKED).flatMap(({ id, score }) => {
      const document = byId.get(id);
      if (!document) return [];
      return [{ id, documentTitle: document.title ?? '', headingPath: [], content: document.text, score, words }];
    });
    const looks = await new OfflineReranker().look({ query: text, candidates, signal: NEVER });
    const ranked = candidates.map(({ id }, n) => ({ id, score: looks[n]?.score ?? 0 }));
    return [...ranked.sort((a, b) => b.score - a.score), ...fused.slice(RERANKED)];
  }

  it(
    'reaches the goals for words, and for words with vectors',
    async () => {
      let [keyword, vector, hybrid, reranked] = [NO_METRICS, NO_METRICS, NO_METRICS, NO_METRICS];
      for (const { _id, text } of queries) {
        const query = await analyzeQuery(text, 'english');
        const [words, vectorHits] = [byWords(query), await byVector(text, query)];
        const judge = (hits: readonly { id: string }[]) =>
          metricsOf(
            hits.map(({ id }) => id),
            relevant.get(_id) ?? new Set(),
          );
        keyword = added(keyword, judge(words.hits));
        vector = added(vector, judge(vectorHits.hits));
        const fused = fuse(words, vectorHits, KEYWORD_WEIGHT);
        hybrid = added(hybrid, judge(fused));
        reranked = added(reranked, judge(await lookedAt(text, query, fused)));
      }
      const all = { keyword, vector, hybrid, reranked };
      const figures = Object.fromEntries(Object.entries(all).map(([mode, sums]) => [mode, mean(sums, queries.length)]));
      expect(figures['keyword']!.ndcgAt10).toBeGreaterThanOrEqual(0.68);
      expect(figures['vector']!.ndcgAt10).toBeGreaterThanOrEqual(0.53);
      expect(figures['hybrid']!.ndcgAt10).toBeGreaterThanOrEqual(0.69);
      // A closer look at the best of them must not make it worse; it makes it better.
      expect(figures['reranked']!.ndcgAt10).toBeGreaterThanOrEqual(0.71);
      expect(figures['reranked']!.recallAt100).toBe(figures['hybrid']!.recallAt100);
      expect(figures['hybrid']!.recallAt100).toBeGreaterThanOrEqual(0.93);
    },
    PATIENCE_MS,
  );
});

function best(scores: ArrayLike<number>): Channel {
  const ranked = Array.from(scores, (score, document) => ({ document, score }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  const hits = ranked.slice(0, DEPTH).map(({ document, score }) => ({ id: documents[document]?._id ?? '', score }));
  return { hits, isCut: ranked.length > DEPTH };
}

function read(file: string): Text[] {
  return publicLines(`retrieval/scifact/${file}`).map((line) => JSON.parse(line) as Text);
}
