import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { IndexUpkeep } from '../src/modules/rag/index/index-upkeep.sweeper.js';
import { SegmentUpkeep } from '../src/modules/rag/index/segment-upkeep.js';
import { VectorMovesRepository } from '../src/modules/rag/index/vector-moves.repository.js';
import { VectorsRepository } from '../src/modules/rag/index/vectors.repository.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { statementOf } from '../src/platform/database/statement.js';
import { analyze } from './analyze.js';
import { startApp, type TestApp } from './app.js';
import { collection, readyText, search } from './collections.js';
import { Given, type Tenant } from './given.js';
import { Guards, type Sent } from './guards.js';
import { embeddingEnvironment, MODELS } from './knowledge-faults.js';
import { FakeEmbeddings } from './upstream/fake-embeddings.js';

/** Of each tenant: documents of one chunk. */
const MANY = 2_000;
const TENANTS = 3;
const BIG = 'rag_(?:chunks|documents|vectors_256(?:_1)?|postings)';

const upstream = new FakeEmbeddings();
let app: TestApp;
let guards: Guards;
let ours: Tenant;
let collectionId: string;
let planned = 0;

beforeAll(async () => {
  await upstream.start();
  app = await startApp(embeddingEnvironment(upstream));
  await app.nest.get(IndexUpkeep).beforeApplicationShutdown();
  guards = Guards.of(app);
  const given = new Given(app);
  for (let n = 0; n < TENANTS; n++) {
    ours = await given.tenant();
    collectionId = await crowded(ours);
    // Of the last one the planner knows nothing.
    if (n === TENANTS - 2)
      await analyze(
        app,
        'rag_chunks',
        'rag_documents',
        'rag_postings',
        'rag_fresh_postings',
        'rag_vectors_256',
        'rag_vectors_256_1',
      );
  }
}, 240_000);
afterAll(async () => {
  await app.close();
  await upstream.stop();
});

/** One document through the public door, and many like it beside. */
async function crowded({ tenantId, as }: Tenant): Promise<string> {
  const { id } = await collection(as, { embeddingModel: MODELS[0] });
  for (let n = 0; n < 5; n++) await readyText(as, id, `The whale number${n} is blue.`, { metadata: { n } });
  const db = app.nest.get(Db);
  await runAs(Actor.job(tenantId), async () => {
    await app.nest.get(SegmentUpkeep).tidy(id, new AbortController().signal);
    await app.nest.get(VectorsRepository).prepare(256, 1);
    await app.nest.get(VectorMovesRepository).makeIndex(256, 1, new AbortController().signal);
    for (const statement of SEEDS) await db.run(() => db.sql(statement, { id }), { limitMs: 60_000 });
    for (const statement of OTHERS) await db.run(() => db.sql(statement), { limitMs: 60_000 });
  });
  return id;
}

const OF = 'tenant_id = :tenantId AND collection_id = :id';
const SEEDS = [
  `INSERT INTO rag_documents (tenant_id, id, collection_id, title, source, source_hash, status, number, chunk_count, metadata)
   SELECT :tenantId, gen_random_uuid(), :id, 'Seed', 'text', sha256(n::text::bytea), 'ready', n, 1, jsonb_build_object('n', n)
   FROM generate_series(100, ${100 + MANY}) AS n WHERE :id::uuid IS NOT NULL`,
  `INSERT INTO rag_chunks (tenant_id, collection_id, number, position, id, document_id, content, heading_path, start_at,
     end_at, term_count, hash)
   SELECT tenant_id, collection_id, number, 0, gen_random_uuid(), id, 'seed ' || number, '{}', 0, 4, 2, source_hash
   FROM rag_documents WHERE ${OF} AND number >= 100`,
  ...['rag_vectors_256', 'rag_vectors_256_1'].map(
    (table) => `INSERT INTO ${table} (tenant_id, collection_id, space_id, number, position, hash, embedding)
     SELECT k.tenant_id, k.collection_id, c.space_id, k.number, 0, k.hash,
       (SELECT array_agg(sin(k.number * d)) FROM generate_series(1, 256) AS d)::real[]::vector::halfvec
     FROM rag_chunks k JOIN rag_collections c ON c.tenant_id = k.tenant_id AND c.id = k.collection_id
     WHERE k.tenant_id = :tenantId AND k.collection_id = :id AND k.number >= 100 AND (k.number % 5 = 0) = ${table.endsWith('_1')}`,
  ),
  `INSERT INTO rag_vector_spaces (tenant_id, collection_id, space_id, dimensions, bucket)
   SELECT tenant_id, id, space_id, 256, 1 FROM rag_collections WHERE tenant_id = :tenantId AND id = :id`,
  `INSERT INTO rag_postings (tenant_id, collection_id, segment_id, term, chunk_count, last_chunk, postings)
   SELECT tenant_id, collection_id, id, 'seed' || n, 1, 0, '\\x000101'
   FROM rag_segments, generate_series(1, ${MANY}) AS n WHERE ${OF} AND status = 'ready'`,
  `UPDATE rag_collections SET chunk_count = chunk_count + ${MANY}, term_total = term_total + ${2 * MANY}
   WHERE tenant_id = :tenantId AND id = :id`,
];

/** Collections beside it, whose documents have the same numbers and texts. */
const OTHERS = [
  `INSERT INTO rag_collections (tenant_id, id, name, language, chunking, embedding_model, dimensions, space_id)
   SELECT :tenantId, gen_random_uuid(), 'Other', 'en', '{}', 'test', 256, gen_random_uuid() FROM generate_series(1, 300)`,
  `INSERT INTO rag_documents (tenant_id, id, collection_id, title, source, source_hash, status, number)
   SELECT c.tenant_id, gen_random_uuid(), c.id, 'Other', 'text', sha256(n::text::bytea), 'ready', n
   FROM rag_collections c, generate_series(1, 10) AS n WHERE c.tenant_id = :tenantId AND c.name = 'Other'`,
];

/** How the database would carry it out, the values known or, as with a prepared statement that was used often, not. */
async function plan({ text, parameters }: Sent, kind: 'known' | 'unknown', explain = 'EXPLAIN'): Promise<string> {
  const db = app.nest.get(Db);
  return runAs(Actor.job(ours.tenantId), () =>
    db.run(async () => {
      // As the search has it for the statement that reads an index of vectors.
      if (text.includes('rag_vectors_256_1')) await db.manager.query(`SELECT set_config('enable_sort', 'off', true)`);
      const { text: numbered, values } = statementOf(
        text,
        { ...parameters, tenantId: ours.tenantId },
        { named: false },
      );
      const literals = ((values ?? []) as Value[]).map(literal);
      await db.manager.query(
        `SELECT set_config('plan_cache_mode', 'force_${kind === 'known' ? 'custom' : 'generic'}_plan', true)`,
      );
      // One that fails leaves it behind.
      const name = `planned_${(planned += 1)}`;
      await db.manager.query(`PREPARE ${name} AS ${numbered}`);
      const rows = await db.manager.query<Record<string, string>[]>(
        `${explain} EXECUTE ${name} (${literals.join(', ')})`,
      );
      await db.manager.query(`DEALLOCATE ${name}`);
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    }),
  );
}

type Value = string | number | boolean | null | Date | Buffer | (string | number | null)[];

/** All that statements are given. */
function literal(value: Value): string {
  if (value === null) return 'NULL';
  if (Buffer.isBuffer(value)) return pg.escapeLiteral(`\\x${value.toString('hex')}`);
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString());
  if (!Array.isArray(value)) return pg.escapeLiteral(String(value));
  const parts = value.map((one) => (one === null ? 'NULL' : JSON.stringify(String(one))));
  return pg.escapeLiteral(`{${parts.join(',')}}`);
}

it.each<['known' | 'unknown']>([['known'], ['unknown']])(
  'Searches of some among thousands read by indexes, with values that are %s when they are planned',
  async (kind) => {
    const seen = new Set<string>();
    const byIndex: string[] = [];
    for (const mode of ['keyword', 'vector', 'hybrid'])
      for (const filter of [undefined, { n: 3 }, { n: { $gte: 0 } }]) {
        guards.watch = [];
        const asked = { collectionIds: [collectionId], query: 'blue whale', mode, filter, topK: 10 };
        expect((await search(ours.as, asked)).length).toBeGreaterThan(0);
        const sent = guards.watch.filter(({ text }) => new RegExp(BIG).test(text));
        guards.watch = null;
        for (const statement of sent) {
          if (seen.has(statement.text) || (statement.varies && kind === 'unknown')) continue;
          seen.add(statement.text);
          const shown = await plan(statement, kind);
          expect([statement.text, shown]).toEqual([
            statement.text,
            expect.not.stringMatching(new RegExp(`Seq Scan on ${BIG}`)),
          ]);
          if (/FROM rag_vectors_256_1 v[^]+<#> [^+]+ LIMIT/.test(statement.text) && !statement.text.includes('+ 0'))
            byIndex.push(shown);
        }
      }
    // By vectors alone, and beside words.
    expect(byIndex).toHaveLength(2);
    for (const shown of byIndex) expect(shown).toContain('rag_vectors_256_1_hnsw');
    expect(seen.size).toBeGreaterThan(5);
  },
  60_000,
);

it('What a tenant does that the planner knows nothing of reads no more than it needs', async () => {
  guards.watch = [];
  const text = Array.from({ length: 60 }, (_, n) => `Paragraph ${n} about whales.\n\n${'Blue. '.repeat(90)}`).join(
    '\n\n',
  );
  await readyText(ours.as, collectionId, text);
  await search(ours.as, { collectionIds: [collectionId], query: 'whales', topK: 10 });
  await search(ours.as, { collectionIds: [collectionId], query: 'whales', filter: { n: { $gte: 0 } } });
  await runAs(Actor.job(ours.tenantId), () =>
    app.nest.get(SegmentUpkeep).tidy(collectionId, new AbortController().signal),
  );
  const sent = guards.watch.filter(({ text: sql }) => /rag_(chunks|documents|vectors|fresh|postings)/.test(sql));
  guards.watch = null;
  const wasted = new Map<string, number>();
  for (const statement of sent) {
    const shown = await plan(statement, 'known', 'EXPLAIN ANALYZE').catch((error: unknown) => {
      // What was written can not be written once more.
      expect(String(error)).toContain('duplicate key');
      return '';
    });
    const removed = [...shown.matchAll(/Rows Removed by (?:Join )?Filter: (\d+)/g)].map(([, count]) => Number(count));
    wasted.set(statement.text, Math.max(0, ...removed));
  }
  expect(wasted.size).toBeGreaterThan(20);
  expect([...wasted].filter(([, count]) => count > 200)).toEqual([]);
}, 60_000);
