import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { EmbeddedPostgres } from '../src/platform/database/embedded/embedded-postgres.js';
import { Client } from './client.js';
import { collection, givenText, readyText, search, settled } from './collections.js';
import { Given, type Member } from './given.js';
import { HookServer } from './hook-server.js';
import { embeddingEnvironment, FACT_CHUNKS, facts, MODELS, upTo } from './knowledge-faults.js';
import { eventually } from './platform-fixtures.js';
import { startServer, type Server } from './server.js';
import { createTestStore, type TestStore } from './test-store.js';
import { FakeEmbeddings } from './upstream/fake-embeddings.js';

const [MODEL = ''] = MODELS;
const CHUNKS = 600;
const HELD_UP = 'Held up';
/** A document of this title waits in the transaction that makes it live. */
const HOLD_UP = [
  `CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(15); RETURN NEW; END'`,
  `CREATE TRIGGER hold_up BEFORE UPDATE ON rag_documents FOR EACH ROW
   WHEN (NEW.title = '${HELD_UP}' AND OLD.number IS DISTINCT FROM NEW.number) EXECUTE FUNCTION hold_up()`,
];
const isSplit = process.env['TEST_REDIS_URL'] !== undefined;
const upstream = new FakeEmbeddings();
const pages = new HookServer();
let store: TestStore;
let front: Server | null = null;
let worker: Server;
let owner: Member;

/** On the embedded store one process does everything; otherwise one answers and others work. */
async function launch(role: string): Promise<Server> {
  const kept = { ...store, drop: () => Promise.resolve() };
  return startServer({ ...embeddingEnvironment(upstream), ...(isSplit && { ROLE: role }) }, kept);
}

beforeAll(async () => {
  await Promise.all([upstream.start(), pages.start()]);
  store = await createTestStore();
  for (const statement of HOLD_UP) await sql(statement, 'atrium_owner');
  if (isSplit) front = await launch('api');
  worker = await launch('worker');
  owner = (await new Given({ url: (front ?? worker).url }).tenant()).owner;
}, 180_000);
afterAll(async () => {
  await worker.kill();
  await front?.kill();
  await upstream.stop();
  pages.stop();
  await store.drop();
}, 60_000);
beforeEach(() => upstream.reset());

const as = () => new Client((front ?? worker).url, owner.accessToken);

/** By the role that sees the work of all tenants, or the owner of the tables. */
async function sql<Row>(text: string, role = 'atrium_system'): Promise<Row[]> {
  const { MIGRATION_DATABASE_URL: url, DATABASE_URL: runtime, DATA_DIR: folder = '' } = store.environment;
  const embedded = url === undefined ? await EmbeddedPostgres.start(folder) : null;
  const connectionString = role === 'atrium_system' ? runtime : url;
  const client = new pg.Client(embedded?.connection ?? { connectionString });
  await client.connect();
  try {
    await client.query(`SET ROLE ${role}`);
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
    await embedded?.stop();
  }
}

/** Killed as by the lack of power; the next one need not wait until the lease of this one has run out. */
async function killed(asOwner: string[] = []): Promise<void> {
  await worker.kill();
  for (const statement of asOwner) await sql(statement, 'atrium_owner');
  await sql(`UPDATE rag_ingestions SET lease_until = now() WHERE status = 'running'`);
  worker = await launch('worker');
}

async function asked(count: number): Promise<void> {
  await eventually(
    () => upstream.requests.length,
    (requests) => requests >= count,
    30_000,
  );
}

/** That it is there once: no chunk doubled or missing, all counts right. */
async function expectWhole(collectionId: string, document: DocumentDto, numbers: number[]): Promise<void> {
  const contents: string[] = [];
  let cursor = '';
  do {
    const page = await as().get(`/rag/documents/${document.id}/chunks?limit=100${cursor && `&cursor=${cursor}`}`);
    const { data, nextCursor } = page.json<{ data: { content: string }[]; nextCursor: string | null }>();
    contents.push(...data.map(({ content }) => /^fact\d+/.exec(content)?.[0] ?? content));
    cursor = nextCursor ?? '';
  } while (cursor !== '');
  expect(contents).toEqual(numbers.map((n) => `fact${n}`));
  const shown = (await as().get(`/rag/collections/${collectionId}`)).json<CollectionDto>();
  expect(shown).toMatchObject({ documentCount: 1, chunkCount: numbers.length });
  for (const mode of ['keyword', 'vector', 'hybrid']) {
    const found = await search(as(), { collectionIds: [collectionId], query: 'fact7 says', mode, topK: 100 });
    expect(found).toHaveLength(100);
    expect(new Set(found.map(({ chunkId }) => chunkId)).size).toBe(100);
  }
  const [best] = await search(as(), { collectionIds: [collectionId], query: 'fact7', mode: 'keyword' });
  expect(best?.content).toMatch(/^fact7 /);
}

describe('The process is killed', () => {
  let collectionId: string;
  beforeEach(async () => {
    collectionId = (await collection(as(), { embeddingModel: MODEL, chunking: FACT_CHUNKS })).id;
  });

  it('while the document waits, while its page is fetched, and while its chunks are stored', async () => {
    pages.answer = () => 'never';
    const url = `${pages.url}/facts.txt`;
    const asking = await as().post('/rag/documents', { collectionId, url, title: 'Facts' }).expect(202);
    const { document } = asking.json<{ document: DocumentDto }>();
    await eventually(
      () => pages.requests.length,
      (count) => count > 0,
      30_000,
    );
    expect((await as().get(`/rag/documents/${document.id}`)).json()).toMatchObject({ status: 'parsing' });
    pages.answer = () => ({ text: facts('moons', upTo(CHUNKS)), headers: { 'content-type': 'text/plain' } });
    await killed();
    // Chunks come in threes of hundreds: killed as soon as the first are there.
    await eventually(
      async () => (await as().get(`/rag/documents/${document.id}`)).json<DocumentDto>(),
      ({ status, progress }) => status !== 'parsing' || progress > 0.05,
      30_000,
    ).catch(() => undefined);
    await killed();
    expect(await settled(as(), document)).toMatchObject({ status: 'ready', chunkCount: CHUNKS });
    await expectWhole(collectionId, document, upTo(CHUNKS));
  }, 120_000);

  it('half-way through the vectors, and again before the last of them', async () => {
    const never = new Promise(() => undefined);
    upstream.enqueue(null, null, { until: never });
    const document = await givenText(as(), collectionId, facts('suns', upTo(CHUNKS)), { title: 'Suns' });
    await asked(3);
    upstream.enqueue(null, null, { until: never });
    await killed();
    await asked(6);
    await killed();
    expect(await settled(as(), document)).toMatchObject({ status: 'ready', chunkCount: CHUNKS });
    const paid = [...upstream.billed].filter(([text]) => text.includes('suns'));
    expect([paid.length, Math.max(...paid.map(([, times]) => times))]).toEqual([CHUNKS, 1]);
    await expectWhole(collectionId, document, upTo(CHUNKS));
  }, 120_000);

  it('while a new version is made: the old one is found until it is there', async () => {
    pages.answer = () => ({ text: facts('old', upTo(150)), headers: { 'content-type': 'text/plain' } });
    const url = `${pages.url}/${collectionId}.txt`;
    const asking = await as().post('/rag/documents', { collectionId, url, title: 'Facts' }).expect(202);
    const { document } = asking.json<{ document: DocumentDto }>();
    expect(await settled(as(), document)).toMatchObject({ status: 'ready' });
    upstream.enqueue({ until: new Promise(() => undefined) });
    const before = upstream.requests.length;
    const changed = [...upTo(149), 777];
    pages.answer = () => ({ text: facts('old', changed), headers: { 'content-type': 'text/plain' } });
    await as().post(`/rag/documents/${document.id}/reindex`).expect(202);
    await asked(before + 1);
    const find = (query: string) => search(as(), { collectionIds: [collectionId], query, mode: 'keyword' });
    expect([(await find('fact149')).length, (await find('fact777')).length]).toEqual([1, 0]);
    await killed();
    expect(await settled(as(), document)).toMatchObject({ status: 'ready' });
    expect([(await find('fact149')).length, (await find('fact777')).length]).toEqual([0, 1]);
    const paid = [...upstream.billed].filter(([text]) => text.includes('of old'));
    expect([paid.length, Math.max(...paid.map(([, times]) => times))]).toEqual([151, 1]);
    await expectWhole(collectionId, document, changed);
  }, 120_000);

  it('just as it would go live', async () => {
    const document = await givenText(as(), collectionId, facts('comets', upTo(CHUNKS)), { title: HELD_UP });
    await asked(5);
    // By then it has come to where it is held up, or is just on its way there.
    await sleep(1_000);
    await killed(['DROP TRIGGER hold_up ON rag_documents']);
    expect(await settled(as(), document)).toMatchObject({ status: 'ready', chunkCount: CHUNKS });
    const paid = [...upstream.billed].filter(([text]) => text.includes('comets'));
    expect([paid.length, Math.max(...paid.map(([, times]) => times))]).toEqual([CHUNKS, 1]);
    await expectWhole(collectionId, document, upTo(CHUNKS));
  }, 120_000);

  it('each time at the same document: it fails, and says so, and others are taken in', async () => {
    pages.answer = () => 'never';
    const url = `${pages.url}/killer.txt`;
    const asking = await as().post('/rag/documents', { collectionId, url, title: 'Killer' }).expect(202);
    const { document } = asking.json<{ document: DocumentDto }>();
    for (let kills = 0; kills < 5; kills++) {
      const before = pages.requests.length;
      await eventually(
        () => pages.requests.filter(({ path }) => path === '/killer.txt').length,
        (count) => count > kills,
        30_000,
      );
      expect(before).toBeGreaterThanOrEqual(kills);
      await killed();
    }
    const failed = await settled(as(), document);
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
    expect(pages.requests.filter(({ path }) => path === '/killer.txt')).toHaveLength(5);
    expect(await readyText(as(), collectionId, 'Another')).toMatchObject({ status: 'ready' });
    pages.answer = () => ({ text: facts('mended', [1]), headers: { 'content-type': 'text/plain' } });
    await as().post(`/rag/documents/${document.id}/reindex`).expect(202);
    expect(await settled(as(), document)).toMatchObject({ status: 'ready', error: null });
  }, 180_000);
});
