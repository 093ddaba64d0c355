import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { KnowledgeSweeper } from '../src/modules/rag/ingestion/knowledge.sweeper.js';
import { startApp, type TestApp } from './app.js';
import { collection, readyText, search, settled } from './collections.js';
import { Given, type Tenant } from './given.js';
import { embeddingEnvironment, FACT_CHUNKS, facts, knowledgeRows, MODELS } from './knowledge-faults.js';
import { eventually } from './platform-fixtures.js';
import { FakeEmbeddings } from './upstream/fake-embeddings.js';

const [ONE = '', TWO = '', THREE = '', FOUR = ''] = MODELS;

const upstream = new FakeEmbeddings();
let app: TestApp;
let tenant: Tenant;

beforeAll(async () => {
  await upstream.start();
  app = await startApp(embeddingEnvironment(upstream));
  tenant = await new Given(app).tenant();
}, 60_000);
afterAll(async () => {
  await app.close();
  await upstream.stop();
});
beforeEach(() => upstream.reset());

const show = async (id: string) => (await tenant.as.get(`/rag/collections/${id}`).expect(200)).json<CollectionDto>();
const patch = async (id: string, body: object) =>
  (await tenant.as.patch(`/rag/collections/${id}`, body).expect(200)).json<CollectionDto>();
const moved = (id: string) =>
  eventually(
    () => show(id),
    ({ reembedding }) => reembedding === null,
    30_000,
  );
const paid = () => upstream.requests.flatMap(({ body }) => (body.input_type === 'document' ? body.input : []));

/** What each mode finds, all of it. */
async function found(collectionId: string): Promise<string[][]> {
  const modes: string[][] = [];
  for (const mode of ['keyword', 'vector', 'hybrid']) {
    const results = await search(tenant.as, {
      collectionIds: [collectionId],
      query: 'says and so on',
      mode,
      topK: 100,
    });
    modes.push(results.map(({ content }) => /^fact\d+/.exec(content)?.[0] ?? content).sort());
  }
  return modes;
}

const inAllModes = (...names: string[]) => [names.sort(), names.sort(), names.sort()];

/** Requests wait until what this returns is called. */
function held(count = 20): () => void {
  let release = (): void => undefined;
  const until = new Promise<void>((resolve) => (release = resolve));
  upstream.enqueue(...Array.from({ length: count }, () => ({ until })));
  return release;
}

describe('A collection that gets another model', () => {
  it('is searched by the vectors it has until all others are there, whatever becomes of its documents meanwhile', async () => {
    const { id } = await collection(tenant.as, { chunking: FACT_CHUNKS });
    const [first, second] = [
      await readyText(tenant.as, id, facts('moons', [1, 2])),
      await readyText(tenant.as, id, facts('moons', [3])),
    ];
    const release = held();
    const patched = await patch(id, { embeddingModel: ONE });
    expect(patched).toMatchObject({ embeddingModel: ONE, dimensions: 256 });
    expect(patched.reembedding).toEqual({ from: 'offline', documentsLeft: 2 });
    expect(await found(id)).toEqual(inAllModes('fact1', 'fact2', 'fact3'));
    // Found at once: the vectors that serve need nobody who is held up.
    expect(await readyText(tenant.as, id, facts('moons', [4]))).toMatchObject({ status: 'ready' });
    await tenant.as.post(`/rag/documents/${first.id}/reindex`).expect(202);
    expect(await settled(tenant.as, first)).toMatchObject({ status: 'ready' });
    expect(await found(id)).toEqual(inAllModes('fact1', 'fact2', 'fact3', 'fact4'));
    await tenant.as.delete(`/rag/documents/${second.id}`).expect(204);
    expect(await found(id)).toEqual(inAllModes('fact1', 'fact2', 'fact4'));
    expect((await show(id)).reembedding).toEqual({ from: 'offline', documentsLeft: 2 });
    release();
    expect(await moved(id)).toMatchObject({ embeddingModel: ONE, chunkCount: 3, documentCount: 2 });
    const each = ['fact1', 'fact2', 'fact4'];
    expect(await found(id)).toEqual(inAllModes(...each));
    await app.nest.get(KnowledgeSweeper).sweep(new Date());
    expect(await found(id)).toEqual(inAllModes(...each));
    expect(await knowledgeRows(app, tenant.tenantId, id)).toMatchObject({ rag_chunks: 3, rag_vectors_256: 3 });
  }, 60_000);

  it('does not wait for documents that are new, which are found by the new one then', async () => {
    const { id } = await collection(tenant.as, { embeddingModel: ONE, chunking: FACT_CHUNKS });
    await readyText(tenant.as, id, facts('comets', [1]));
    const release = held(1);
    const made = await tenant.as.post('/rag/documents', { collectionId: id, text: facts('comets', [2]) }).expect(202);
    await eventually(paid, ({ length }) => length === 2);
    await patch(id, { embeddingModel: 'offline' });
    expect(await moved(id)).toMatchObject({ embeddingModel: 'offline', chunkCount: 1 });
    expect(await found(id)).toEqual(inAllModes('fact1'));
    release();
    const { document } = made.json<{ document: DocumentDto }>();
    expect(await settled(tenant.as, document)).toMatchObject({ status: 'ready' });
    expect(await found(id)).toEqual(inAllModes('fact1', 'fact2'));
  }, 60_000);

  it('moves when the last document that holds it up is deleted', async () => {
    const { id } = await collection(tenant.as, { chunking: FACT_CHUNKS });
    await readyText(tenant.as, id, facts('suns', [1]));
    const release = held(1);
    const { id: last } = await readyText(tenant.as, id, facts('suns', [2]));
    await patch(id, { embeddingModel: TWO });
    await eventually(
      () => show(id),
      ({ reembedding }) => reembedding?.documentsLeft === 1,
    );
    const { data } = (await tenant.as.get(`/rag/documents?collectionId=${id}`)).json<{ data: DocumentDto[] }>();
    expect(data.map(({ status }) => status)).toEqual(['ready', 'ready']);
    // Whichever it is.
    for (const document of data) await tenant.as.delete(`/rag/documents/${document.id}`).expect(204);
    expect(data.map((document) => document.id)).toContain(last);
    expect(await moved(id)).toMatchObject({ embeddingModel: TWO, documentCount: 0, chunkCount: 0 });
    release();
  }, 60_000);

  it('stays with the old one when that is wanted again, and pays no more for the new one', async () => {
    const { id } = await collection(tenant.as, { chunking: FACT_CHUNKS });
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    await readyText(tenant.as, id, facts('stars', numbers));
    const release = held(1);
    await patch(id, { embeddingModel: THREE });
    await eventually(paid, ({ length }) => length > 0);
    expect(await patch(id, { embeddingModel: 'offline' })).toMatchObject({
      embeddingModel: 'offline',
      reembedding: null,
    });
    release();
    const { id: later } = await readyText(tenant.as, id, facts('stars', [1_000]));
    expect(later).toBeDefined();
    await eventually(
      () => knowledgeRows(app, tenant.tenantId, id),
      (rows) => rows['rag_ingestions'] === undefined,
    );
    expect(paid().length).toBeLessThanOrEqual(128);
    await app.nest.get(KnowledgeSweeper).sweep(new Date());
    const rows = await knowledgeRows(app, tenant.tenantId, id);
    expect(rows).toMatchObject({ rag_chunks: 301 });
    expect(rows).not.toHaveProperty('rag_vectors_256');
    expect(rows).not.toHaveProperty('rag_garbage');
  }, 60_000);

  it('of a provider that refuses is searched and filled as before, and moves when the refusal is gone', async () => {
    const { id } = await collection(tenant.as, { chunking: FACT_CHUNKS });
    await readyText(tenant.as, id, facts('comets', [1]));
    upstream.apiKey = 'another';
    await patch(id, { embeddingModel: FOUR });
    expect(await readyText(tenant.as, id, facts('comets', [2]))).toMatchObject({ status: 'ready', error: null });
    await eventually(
      () => upstream.requests.length,
      (count) => count >= 2,
    );
    expect((await show(id)).reembedding).toEqual({ from: 'offline', documentsLeft: 2 });
    expect(await found(id)).toEqual(inAllModes('fact1', 'fact2'));
    upstream.apiKey = 'sk-test-embedding-key';
    const { data } = (await tenant.as.get(`/rag/documents?collectionId=${id}`)).json<{ data: DocumentDto[] }>();
    expect(data.map(({ status }) => status)).toEqual(['ready', 'ready']);
    for (const document of data) await tenant.as.post(`/rag/documents/${document.id}/reindex`).expect(202);
    expect(await moved(id)).toMatchObject({ embeddingModel: FOUR, chunkCount: 2 });
    expect(await found(id)).toEqual(inAllModes('fact1', 'fact2'));
  }, 60_000);
});

describe('A collection that gets another language', () => {
  it('is found by the words of that language afterwards, and embeds nothing again', async () => {
    const { id } = await collection(tenant.as, { chunking: FACT_CHUNKS, embeddingModel: ONE, language: 'simple' });
    const document = await readyText(tenant.as, id, 'Die Häuser der Städte sind alt.');
    const ask = (query: string) => search(tenant.as, { collectionIds: [id], query, mode: 'keyword' });
    expect([(await ask('Haus')).length, (await ask('Häuser')).length]).toEqual([0, 1]);
    upstream.reset();
    await patch(id, { language: 'german' });
    await settled(tenant.as, document);
    expect([(await ask('Haus')).length, (await ask('Stadt')).length]).toEqual([1, 1]);
    expect(paid()).toEqual([]);
    expect(await show(id)).toMatchObject({ language: 'german', chunkCount: 1, documentCount: 1, reembedding: null });
  });
});
