/** The benchmark of retrieval: `npm run bench:retrieval -- --help`. Ends with 0 whatever was reached, and otherwise only if something broke. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Atrium } from './atrium.ts';
import { now } from './clock.ts';
import { percentile } from './figures.ts';
import { judge, readJudgedTexts, type Judged, type JudgedTexts } from './judged-texts.ts';
import { machine } from './machine.ts';
import { closeAll, closeOnSignals, openAtriums, openServices, optionsOrExit, say } from './opened.ts';
import { readRetrievalOptions, RETRIEVAL_USAGE, type RetrievalOptions } from './retrieval-options.ts';
import { markdownCells, ms, plainCells, whole } from './table.ts';

const MODES = ['keyword', 'vector', 'hybrid'] as const;
type Mode = (typeof MODES)[number];
const NDCG_GOALS: Partial<Record<Mode, number>> = { keyword: 0.67, hybrid: 0.69 };
const BATCH = 1_000;
const DEPTH = 100;
const WARM_UP = 20;
const LOOK_MS = 250;
const LIMIT_MS = 30 * 60_000;
/** An access token is good for a quarter of an hour. */
const LOGIN_MS = 5 * 60_000;
const HEAD = ['', 'nDCG@10', 'Recall@100', 'MRR@10', 'p50', 'p95', 'goal of nDCG@10', ''];
/** On SciFact, by the README beside it. */
const REFERENCES = [
  ['reference: BM25 (k1 .9, b .4, Porter)', '0.676', '0.929', '', '', '', '', ''],
  ['reference: Postgres ts_rank_cd, ORed words', '0.408', '0.769', '', '', '', '', ''],
];

closeOnSignals();
const args = process.argv.slice(2);
if (args.includes('--help')) say(RETRIEVAL_USAGE);
else await run(optionsOrExit(() => readRetrievalOptions(args), RETRIEVAL_USAGE)).finally(closeAll);

async function run(options: RetrievalOptions): Promise<void> {
  const begin = now();
  const texts = readJudgedTexts(options.folder);
  say(`${whole(texts.documents.length)} documents, ${whole(texts.queries.length)} queries`);
  const services = openServices(options.stores);
  const where = machine((await services?.describe()) ?? null);
  const atriums = await openAtriums(options.stores, services, {}, options);
  const lines = [HEAD];
  for (const atrium of atriums) {
    say(`${atrium.label} … (at ${Math.round((now() - begin) / 1000)} s)`);
    await atrium.login();
    const { id } = await atrium.ask<{ id: string }>('POST', '/rag/collections', {
      ...{ name: 'Bench', embeddingModel: options.embeddingModel, language: options.language },
    });
    const names = await load(atrium, id, texts);
    for (const mode of MODES) lines.push(await measure(atrium, id, { mode, names, texts }));
  }
  lines.push(...REFERENCES);
  say(`\nTook ${Math.round((now() - begin) / 1000)} s on: ${where}\n\n${plainCells(lines)}`);
  if (options.hasMarkdown) say(`\n${where}\n\n${markdownCells(lines)}`);
}

/** Until all is ready. What each document is called in the data, by its id here. */
async function load(atrium: Atrium, collectionId: string, { documents }: JudgedTexts): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  const begin = now();
  for (let from = 0; from < documents.length; from += BATCH) {
    const batch = documents.slice(from, from + BATCH);
    const sent = batch.map(({ title, text }) => ({ ...(title.trim() ? { title: title.slice(0, 500) } : {}), text }));
    const made = await atrium.ask<{ documents: { id: string }[] }>('POST', '/rag/documents/batch', {
      ...{ collectionId, documents: sent },
    });
    // The same text twice is one document: whichever of its names came first.
    made.documents.forEach(({ id }, n) => names.set(id, names.get(id) ?? batch[n]?.id ?? ''));
  }
  const taken = now() - begin;
  await untilReady(atrium, collectionId);
  const seconds = (now() - begin) / 1_000;
  const { chunkCount } = await atrium.ask<{ chunkCount: number }>('GET', `/rag/collections/${collectionId}`);
  const rates = `${whole(names.size / seconds)} documents/s, ${whole(chunkCount / seconds)} chunks/s`;
  say(`  taken in ${ms(taken)}; ${whole(chunkCount)} chunks ready in ${seconds.toFixed(1)} s: ${rates}`);
  return names;
}

/** @throws Error where a document failed, or none gets ready any more */
async function untilReady(atrium: Atrium, collectionId: string): Promise<void> {
  const begin = now();
  let login = begin;
  for (const status of ['queued', 'parsing', 'embedding']) {
    while ((await some(atrium, collectionId, status)).length > 0) {
      if (now() - begin > LIMIT_MS) throw new Error('The documents do not get ready');
      await sleep(LOOK_MS);
      if (now() - login < LOGIN_MS) continue;
      await atrium.login();
      login = now();
    }
  }
  // One that was being moved on may have been missed above.
  if ((await some(atrium, collectionId, 'queued')).length > 0) return untilReady(atrium, collectionId);
  const [failed] = await some(atrium, collectionId, 'failed');
  if (failed) throw new Error(`A document failed: ${JSON.stringify(failed)}`);
}

async function some(atrium: Atrium, collectionId: string, status: string): Promise<object[]> {
  const query = new URLSearchParams({ collectionId, status, limit: '1' });
  return (await atrium.ask<{ data: object[] }>('GET', `/rag/documents?${query.toString()}`)).data;
}

interface Measured {
  mode: Mode;
  names: ReadonlyMap<string, string>;
  texts: JudgedTexts;
}

async function measure(atrium: Atrium, collectionId: string, { mode, names, texts }: Measured): Promise<string[]> {
  await atrium.login();
  const search = (query: string) =>
    atrium.ask<{ results: { documentId: string }[] }>('POST', '/rag/search', {
      ...{ collectionIds: [collectionId], query, topK: DEPTH, mode },
    });
  for (const { text } of texts.queries.slice(0, WARM_UP)) await search(text);
  const times: number[] = [];
  const judged: Judged[] = [];
  for (const { text, relevant } of texts.queries) {
    const begin = now();
    const { results } = await search(text);
    times.push(now() - begin);
    const ranking = new Set(results.map(({ documentId }) => names.get(documentId) ?? ''));
    judged.push(judge([...ranking], relevant));
  }
  const mean = (of: (one: Judged) => number) => judged.reduce((sum, one) => sum + of(one), 0) / judged.length;
  const ndcg = mean((one) => one.ndcg);
  const goal = NDCG_GOALS[mode];
  return [
    `${atrium.label}: ${mode}`,
    ndcg.toFixed(3),
    mean((one) => one.recall).toFixed(3),
    mean((one) => one.mrr).toFixed(3),
    ms(percentile(times, 0.5)),
    ms(percentile(times, 0.95)),
    ...(goal === undefined ? ['', ''] : [`≥ ${goal}`, ndcg >= goal ? 'ok' : 'missed']),
  ];
}
