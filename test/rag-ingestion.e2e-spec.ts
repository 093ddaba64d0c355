import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { startApp, type TestApp } from './app.js';
import { collection, givenText, readyText, search, settled } from './collections.js';
import { Given, type Tenant } from './given.js';
import { HookServer } from './hook-server.js';
import { embeddingEnvironment, FACT_CHUNKS, facts, MODELS, rowsOf, upTo } from './knowledge-faults.js';
import { eventually } from './platform-fixtures.js';
import { FakeEmbeddings, type Trouble } from './upstream/fake-embeddings.js';

const [ONE = '', TWO = '', THREE = '', FOUR = '', FIVE = ''] = MODELS;

const upstream = new FakeEmbeddings();
const pages = new HookServer();
let app: TestApp;
let tenant: Tenant;

beforeAll(async () => {
  await upstream.start();
  await pages.start();
  app = await startApp(embeddingEnvironment(upstream));
  tenant = await new Given(app).tenant();
}, 60_000);
afterAll(async () => {
  await app.close();
  await upstream.stop();
  pages.stop();
});
beforeEach(() => upstream.reset());

const madeWith = (embeddingModel: string) => collection(tenant.as, { embeddingModel, chunking: FACT_CHUNKS });
const times = () => [...new Set(upstream.billed.values())].sort();
const show = async (id: string) => (await tenant.as.get(`/rag/documents/${id}`).expect(200)).json<DocumentDto>();

async function finds(collectionId: string, topic: string, numbers: number[]): Promise<void> {
  for (const n of numbers)
    for (const mode of ['keyword', 'vector', 'hybrid']) {
      const [found] = await search(tenant.as, { collectionIds: [collectionId], query: `fact${n}`, mode, topK: 1 });
      if (mode === 'keyword') expect(found?.content).toMatch(new RegExp(`^fact${n} of ${topic}`));
      else expect(found).toBeDefined();
    }
}

describe('A provider of embeddings that fails half-way through a document of 2,000 chunks', () => {
  it('is asked again where it stood, and nothing is paid for twice', async () => {
    const { id } = await madeWith(ONE);
    const fine = null;
    upstream.enqueue(
      ...[fine, fine, fine, { status: 500 }, fine, { status: 429, headers: { 'retry-after': '1' } }, fine, fine],
      // Longer than one call is patient: the document is put off.
      ...[{ status: 503 }, { status: 500 }, { status: 502 }, { status: 503 }],
      fine,
    );
    const { id: documentId } = await givenText(tenant.as, id, facts('moons', upTo(2_000)));
    const seen: DocumentDto[] = [];
    const ready = await eventually(
      async () => seen[seen.push(await show(documentId)) - 1] as DocumentDto,
      ({ status }) => status === 'ready' || status === 'failed',
      60_000,
    );
    expect(ready).toMatchObject({ status: 'ready', progress: 1, error: null, chunkCount: 2_000 });
    const progress = seen.map((one) => one.progress);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    const halfWay = seen.filter(({ status, progress: at }) => status === 'embedding' && at > 0.4 && at < 0.9);
    expect(halfWay.length).toBeGreaterThan(0);
    expect(upstream.billed.size).toBe(2_000);
    expect(times()).toEqual([1]);
    await finds(id, 'moons', [0, 999, 1_999]);
  }, 90_000);

  it('is paid once more for what it answered to a lost connection, and for that alone', async () => {
    const { id } = await madeWith(TWO);
    upstream.enqueue(null, { cut: true }, null);
    const ready = await readyText(tenant.as, id, facts('suns', upTo(500)));
    expect(ready).toMatchObject({ status: 'ready', chunkCount: 500 });
    const twice = [...upstream.billed.values()].filter((count) => count > 1);
    expect([upstream.billed.size, twice.length, Math.max(...twice)]).toEqual([500, 128, 2]);
  }, 60_000);

  it.each<[string, string, Trouble, RegExp]>([
    ['refuses the key', THREE, { status: 401, error: { detail: 'No such key' } }, /refuses the key/],
    ['has no money', FOUR, { status: 402, error: { detail: 'Pay first' } }, /402: Pay first/],
  ])(
    'for good (%s): the document fails, and when it is read again, what is there is not paid for again',
    async (...of) => {
      const [, model, trouble, message] = of;
      const { id } = await madeWith(model);
      upstream.enqueue(null, null, trouble);
      const failed = await readyText(tenant.as, id, facts('stars', upTo(600)));
      expect(failed).toMatchObject({ status: 'failed', chunkCount: 0 });
      expect(failed.error?.message).toMatch(message);
      expect(failed.error?.message).not.toContain('sk-test');
      expect(await search(tenant.as, { collectionIds: [id], query: 'fact1', mode: 'keyword' })).toEqual([]);
      await tenant.as.post(`/rag/documents/${failed.id}/reindex`).expect(202);
      expect(await settled(tenant.as, failed)).toMatchObject({ status: 'ready', chunkCount: 600, error: null });
      expect([upstream.billed.size, ...times()]).toEqual([600, 1]);
    },
    60_000,
  );

  it('that has no key is told by name', async () => {
    const { id } = await madeWith('openai:text-embedding-3-small');
    const failed = await readyText(tenant.as, id, 'Text');
    expect(failed.error).toEqual({
      code: 'provider_not_configured',
      message: expect.stringContaining('openai') as unknown,
    });
  });
});

describe('Texts that a collection has already', () => {
  it('are embedded once: in one document, and in another', async () => {
    const { id } = await madeWith(FIVE);
    await readyText(tenant.as, id, facts('twins', [1, 2, 1, 1, 3]), { title: 'T' });
    expect([upstream.billed.size, ...times()]).toEqual([3, 1]);
    const second = await readyText(tenant.as, id, facts('twins', [3, 2, 4]), { title: 'T' });
    expect(second).toMatchObject({ status: 'ready', chunkCount: 3 });
    expect([upstream.billed.size, ...times()]).toEqual([4, 1]);
    const shown = (await tenant.as.get(`/rag/collections/${id}`).expect(200)).json();
    expect(shown).toMatchObject({ documentCount: 2, chunkCount: 8 });
  });

  it('are not embedded again when a page has changed, and the old version is found until the new one is', async () => {
    const { id } = await madeWith(FIVE);
    const page = (numbers: number[]) => `${facts('pages', numbers)}\n`;
    pages.answer = () => ({ text: page(upTo(300)), headers: { 'content-type': 'text/plain' } });
    const given = await tenant.as.post('/rag/documents', {
      collectionId: id,
      url: `${pages.url}/page.txt`,
      title: 'P',
    });
    const document = await settled(tenant.as, given.json<{ document: DocumentDto }>().document);
    expect(document).toMatchObject({ status: 'ready', chunkCount: 300 });
    upstream.reset();
    pages.answer = () => ({
      text: page([...upTo(100), 1_000, ...upTo(300).slice(101)]),
      headers: { 'content-type': 'text/plain' },
    });
    let release = (): void => undefined;
    upstream.enqueue({ until: new Promise<void>((resolve) => (release = resolve)) });
    await tenant.as.post(`/rag/documents/${document.id}/reindex`).expect(202);
    await eventually(
      () => upstream.requests.length,
      (count) => count > 0,
    );
    expect(await show(document.id)).toMatchObject({ status: 'embedding', chunkCount: 300 });
    await finds(id, 'pages', [100]);
    release();
    expect(await settled(tenant.as, document)).toMatchObject({ status: 'ready', chunkCount: 300 });
    const paid = upstream.requests.flatMap(({ body }) => (body.input_type === 'document' ? body.input : []));
    expect(paid.map((text) => /fact\d+/.exec(text)?.[0])).toEqual(['fact1000']);
    await finds(id, 'pages', [1_000, 299]);
    expect(await search(tenant.as, { collectionIds: [id], query: 'fact100', mode: 'keyword' })).toEqual([]);
    pages.answer = () => ({ status: 404 });
    await tenant.as.post(`/rag/documents/${document.id}/reindex`).expect(202);
    const gone = await settled(tenant.as, document);
    expect(gone).toMatchObject({ status: 'failed', chunkCount: 300, error: { code: 'page_unavailable' } });
    await finds(id, 'pages', [1_000]);
    const live = await rowsOf(app, tenant.tenantId, `SELECT 1 FROM rag_ingestions WHERE tenant_id = :tenantId`);
    expect(live).toEqual([]);
  }, 60_000);
});
