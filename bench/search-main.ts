/** The benchmark of searches: `npm run bench:search -- --help`. Ends with 0 whatever was reached, and otherwise only if something broke. */
import { loadavg } from 'node:os';
import pg from 'pg';
import { now } from './clock.ts';
import { percentile } from './figures.ts';
import { machine } from './machine.ts';
import { closeAll, closeOnSignals, onClose, openServices, optionsOrExit, say } from './opened.ts';
import { Bare } from './search-bare.ts';
import { Corpus, DIMENSIONS, type MadeChunk } from './search-corpus.ts';
import { Product, type BenchTenant, type Question } from './search-product.ts';
import { readSearchOptions, SEARCH_USAGE, type SearchOptions } from './search-options.ts';
import { markdownCells, plainCells, whole } from './table.ts';

/** Results that a caller wants, and candidates that the product asks for by vectors alone and of each of two channels. */
const TOP = 10;
const DEPTH = 50;
const HYBRID_DEPTH = 200;
const GOALS = { recall: 0.97, vector: 10, hybrid: 30, added: 3, rate: 1_000 };
const HEAD = [
  ...[
    'chunks',
    'recall@10',
    '10 %',
    '50 %',
    'vector p50, p95',
    'of 50 %',
    'bare SQL',
    'added p50',
    'hybrid p50, p95',
    '',
  ],
];

interface Loaded extends BenchTenant {
  size: number;
  questions: Question[];
}

async function run(options: SearchOptions): Promise<void> {
  const begin = now();
  const services = openServices(['pg']);
  if (!services) return;
  const where = machine(await services.describe());
  const environment = await services.environment();
  const product = await Product.open(environment);
  onClose(() => product.close());
  const url = environment['MIGRATION_DATABASE_URL'] ?? '';
  const bare = await Bare.open(environment['DATABASE_URL'] ?? '');
  onClose(() => bare.close());
  const lines = [HEAD];
  const at = () => `at ${Math.round((now() - begin) / 1000)} s`;
  const fill = new Filling(product, options.searches);
  if (options.growsTo === null) {
    const tenants: Loaded[] = [];
    for (const size of options.sizes) tenants.push(await fill.upTo(size));
    await settle(fill, product, url, at);
    for (const tenant of tenants) lines.push(await measured(product, bare, tenant));
  } else {
    let tenant: Loaded | undefined;
    for (const part of [8, 4, 2, 1]) {
      tenant = await fill.upTo(Math.round(options.growsTo / part), tenant);
      await settle(fill, product, url, at);
      lines.push(await measured(product, bare, tenant));
    }
  }
  say(`\nTook ${Math.round((now() - begin) / 1000)} s on: ${where}, ${loadavg()[0]?.toFixed(1) ?? ''} after\n`);
  say(plainCells(lines));
  if (options.hasMarkdown) say(`\n${markdownCells(lines)}`);
}

class Filling {
  private readonly corpus = new Corpus(7);
  private chunks = 0;
  private took = 0;

  private readonly product: Product;
  private readonly searches: number;

  constructor(product: Product, searches: number) {
    this.product = product;
    this.searches = searches;
  }

  /** A new tenant, or one that has fewer. */
  async upTo(size: number, before?: Loaded): Promise<Loaded> {
    const tenant = before ?? { ...(await this.product.collection()), size: 0, questions: [] };
    const questions = [...tenant.questions];
    for (const batch of batches(this.corpus.documents(size - tenant.size), 100)) {
      const begin = now();
      await this.product.takeIn(tenant, batch);
      this.took += now() - begin;
      for (const [first] of batch)
        if (first && questions.length < this.searches) questions.push(this.corpus.question(first));
    }
    while (questions.length < this.searches) questions.push(...questions.slice(0, this.searches - questions.length));
    this.chunks += size - tenant.size;
    return { ...tenant, size, questions };
  }

  /** What was taken in since this was last asked. */
  told(): string {
    const [chunks, rate] = [this.chunks, (this.chunks / this.took) * 1_000];
    [this.chunks, this.took] = [0, 0];
    return `${whole(chunks)} chunks of ${DIMENSIONS} dimensions taken in at ${whole(rate)} a second (goal ${whole(GOALS.rate)})`;
  }
}

async function settle(fill: Filling, product: Product, url: string, at: () => string): Promise<void> {
  say(`${fill.told()}, ${at()}`);
  const begin = now();
  await product.settle();
  say(`Indexes made in ${whole((now() - begin) / 1_000)} s, ${at()}`);
  await maintain(url);
}

async function measured(product: Product, bare: Bare, tenant: Loaded): Promise<string[]> {
  await bare.act(tenant);
  const table = await bare.table(tenant);
  const tables = [...new Set([`rag_vectors_${DIMENSIONS}`, table])];
  const times: Record<'vector' | 'bare' | 'hybrid' | 'tenth' | 'half', number[]> = {
    ...{ vector: [], bare: [], hybrid: [], tenth: [], half: [] },
  };
  const recalls: Record<'all' | 'tenth' | 'half', number[]> = { all: [], tenth: [], half: [] };
  for (const question of tenant.questions) {
    const { vector } = question;
    const { value: found } = await timed(times.vector, () => product.search(tenant, { vector }, DEPTH));
    await timed(times.bare, () => bare.nearest(table, tenant, vector, DEPTH));
    await timed(times.hybrid, () => product.search(tenant, question, HYBRID_DEPTH));
    recalls.all.push(recall(found.vector, await bare.exact(tables, tenant, vector, TOP)));
    for (const [name, part] of [
      ['tenth', 10],
      ['half', 50],
    ] as const) {
      const { value: filtered } = await timed(times[name], () => product.search(tenant, { vector }, DEPTH, part));
      recalls[name].push(recall(filtered.vector, await bare.exact(tables, tenant, vector, TOP, part)));
    }
  }
  const [vector, plain, hybrid] = [both(times.vector), both(times.bare), both(times.hybrid)];
  const shares = Object.values(recalls).map(mean);
  const isGood =
    shares.every((share) => share >= GOALS.recall) &&
    vector.p95 <= GOALS.vector &&
    hybrid.p95 <= GOALS.hybrid &&
    vector.p50 - plain.p50 <= GOALS.added;
  return [
    whole(tenant.size),
    ...shares.map((share) => share.toFixed(3)),
    shown(vector),
    shown(both(times.half)),
    shown(plain),
    (vector.p50 - plain.p50).toFixed(2),
    shown(hybrid),
    isGood ? 'ok' : 'missed',
  ];
}

function recall(found: readonly { number: number; position: number }[], wanted: readonly string[]): number {
  const top = new Set(found.slice(0, TOP).map(({ number, position }) => `${number}/${position}`));
  return wanted.length === 0 ? 1 : wanted.filter((place) => top.has(place)).length / wanted.length;
}

async function timed<T>(times: number[], fn: () => Promise<T>): Promise<{ value: T }> {
  const begin = now();
  const value = await fn();
  times.push(now() - begin);
  return { value };
}

function* batches(documents: Iterable<MadeChunk[]>, most: number): Generator<MadeChunk[][]> {
  let batch: MadeChunk[][] = [];
  for (const document of documents) {
    batch.push(document);
    if (batch.length < most) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function both(times: number[]): { p50: number; p95: number } {
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95) };
}

function shown({ p50, p95 }: { p50: number; p95: number }): string {
  return `${p50.toFixed(2)}, ${p95.toFixed(2)} ms`;
}

/** What autovacuum does within minutes. */
async function maintain(url: string): Promise<void> {
  await asMigrator(url, async (client) => {
    await client.query('SET ROLE atrium_owner');
    const { rows } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relname LIKE 'rag\\_%' AND relkind = 'r'`,
    );
    for (const { name } of rows) await client.query(`VACUUM ANALYZE ${name}`);
  });
}

async function asMigrator<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

closeOnSignals();
const args = process.argv.slice(2);
if (args.includes('--help')) say(SEARCH_USAGE);
else await run(optionsOrExit(() => readSearchOptions(args), SEARCH_USAGE)).finally(closeAll);
