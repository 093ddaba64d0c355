import { utimesSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { JOBS } from '../src/contracts/jobs.js';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import { DocumentBytesSweeper } from '../src/modules/rag/documents/document-bytes.sweeper.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { KnowledgeSweeper } from '../src/modules/rag/ingestion/knowledge.sweeper.js';
import { AdministeredTenantsRepository } from '../src/modules/tenants/administered-tenants.repository.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { TenantBytes } from '../src/platform/storage/tenant-bytes.js';
import { startApp, type TestApp } from './app.js';
import { collection, givenFile, givenText, readyText, search, settled } from './collections.js';
import { Given, type Tenant } from './given.js';
import { embeddingEnvironment, FACT_CHUNKS, facts, knowledgeRows, MODELS, rowsOf, upTo } from './knowledge-faults.js';
import { eventually } from './platform-fixtures.js';
import { createTestStore } from './test-store.js';
import { FakeEmbeddings } from './upstream/fake-embeddings.js';

const [ONE = ''] = MODELS;
const CHUNKS = 300;

const upstream = new FakeEmbeddings();
let app: TestApp;
let given: Given;
let tenant: Tenant;

beforeAll(async () => {
  await upstream.start();
  app = await startApp(embeddingEnvironment(upstream));
  given = new Given(app);
  tenant = await given.tenant();
}, 60_000);
afterAll(async () => {
  await app.close();
  await upstream.stop();
});
beforeEach(() => upstream.reset());

const madeBy = ({ as }: Pick<Tenant, 'as'>) => collection(as, { embeddingModel: ONE, chunking: FACT_CHUNKS });
const rows = (collectionId: string) => knowledgeRows(app, tenant.tenantId, collectionId);
const bytes = (tenantId: string) =>
  readdirSync(join(app.store.environment['DATA_DIR'] ?? '', 'documents'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes(tenantId))
    .map(({ parentPath, name }) => join(parentPath, name));

/** A document whose first vectors are stored, while the provider takes its time over the next ones. */
async function halfWay(of = tenant): Promise<{ collectionId: string; document: DocumentDto; release(): void }> {
  let release = (): void => undefined;
  upstream.enqueue(null, { until: new Promise<void>((resolve) => (release = resolve)) });
  const before = upstream.requests.length;
  const { id: collectionId } = await madeBy(of);
  const document = await givenText(of.as, collectionId, facts('moons', upTo(CHUNKS)), { title: 'Moons' });
  await eventually(
    () => upstream.requests.length - before,
    (count) => count === 2,
  );
  return { collectionId, document, release };
}

describe('While a document is taken in', () => {
  it('its collection is deleted: the work stops, and nothing stays of it', async () => {
    const { collectionId, release } = await halfWay();
    await tenant.as.delete(`/rag/collections/${collectionId}`).expect(204);
    release();
    await givenText(tenant.as, (await madeBy(tenant)).id, 'Another');
    await eventually(
      () => upstream.requests.length,
      (count) => count === 3,
    );
    expect(upstream.billed.size).toBeLessThanOrEqual(257);
    await app.nest.get(KnowledgeSweeper).sweep(new Date());
    expect(await rows(collectionId)).toEqual({});
  });

  it('it is deleted: the work stops, and nothing stays of it', async () => {
    const { collectionId, document, release } = await halfWay();
    await tenant.as.delete(`/rag/documents/${document.id}`).expect(204);
    release();
    await app.nest.get(KnowledgeSweeper).sweep(new Date());
    await eventually(
      () => rows(collectionId),
      (left) => Object.keys(left).every((table) => table === 'rag_dropped_versions'),
    );
    const shown = (await tenant.as.get(`/rag/collections/${collectionId}`)).json<CollectionDto>();
    expect(shown).toMatchObject({ documentCount: 0, chunkCount: 0 });
    expect(await readyText(tenant.as, collectionId, 'Another')).toMatchObject({ status: 'ready', chunkCount: 1 });
    expect(upstream.billed.size).toBeLessThanOrEqual(257);
  });

  it('it is deleted and to be read anew, both at once: either comes first', async () => {
    const { id } = await collection(tenant.as);
    for (let round = 0; round < 3; round++) {
      const document = await readyText(tenant.as, id, `Round ${round}`);
      const path = `/rag/documents/${document.id}`;
      const calls = [1, 2, 3, 4].map(() => tenant.as.post(`${path}/reindex`));
      const answers = await Promise.all([...calls, tenant.as.delete(path)].map(async (call) => (await call).status));
      expect(answers.pop()).toBe(204);
      for (const status of answers) expect([202, 404]).toContain(status);
    }
  });

  it('it is to be read anew: the work begins again at once, and pays only for what is not there', async () => {
    const { collectionId, document } = await halfWay();
    await tenant.as.post(`/rag/documents/${document.id}/reindex`).expect(202);
    expect(await settled(tenant.as, document)).toMatchObject({ status: 'ready', chunkCount: CHUNKS });
    expect(upstream.billed.size).toBe(CHUNKS);
    expect([...upstream.billed.values()].every((times) => times === 1)).toBe(true);
    await app.nest.get(KnowledgeSweeper).sweep(new Date());
    expect(await rows(collectionId)).toMatchObject({ rag_documents: 1, rag_chunks: CHUNKS, rag_vectors_256: CHUNKS });
  });

  it('and others with it, as many as there are places: those of another tenant go on', async () => {
    let release = (): void => undefined;
    const until = new Promise<void>((resolve) => (release = resolve));
    upstream.enqueue(...upTo(10).map(() => ({ until })));
    const [busy, other] = [await given.tenant(), await given.tenant()];
    const { id: collectionId } = await madeBy(busy);
    const documents = upTo(10).map((n) => ({ text: facts('busy', [n]) }));
    const batch = await busy.as.post('/rag/documents/batch', { collectionId, documents }).expect(202);
    await eventually(
      () =>
        rowsOf<{ id: string }>(
          app,
          busy.tenantId,
          `SELECT id FROM rag_ingestions WHERE tenant_id = :tenantId AND status = 'running'`,
        ),
      ({ length }) => length === JOBS['document.ingest'].ofTenant,
    );
    const { id } = await collection(other.as);
    expect(await readyText(other.as, id, 'Another')).toMatchObject({ status: 'ready' });
    release();
    for (const one of batch.json<{ documents: DocumentDto[] }>().documents)
      expect(await settled(busy.as, one)).toMatchObject({ status: 'ready' });
  }, 60_000);

  it('its tenant is suspended: the work waits, and goes on when the tenant is back', async () => {
    const waiting = await given.tenant();
    const admin = await given.admin();
    const { document, release } = await halfWay(waiting);
    await admin.patch(`/admin/tenants/${waiting.tenantId}`, { status: 'suspended' }).expect(200);
    const states = () =>
      rowsOf<{ status: string }>(
        app,
        waiting.tenantId,
        'SELECT status FROM rag_ingestions WHERE tenant_id = :tenantId',
      );
    await eventually(states, ([row]) => row?.status === 'queued');
    expect(upstream.requests).toHaveLength(2);
    release();
    await admin.patch(`/admin/tenants/${waiting.tenantId}`, { status: 'active' }).expect(200);
    expect(await settled(waiting.as, document)).toMatchObject({ status: 'ready', chunkCount: CHUNKS });
    expect([...upstream.billed.values()].every((times) => times === 1)).toBe(true);
  });

  it('its tenant is deleted: the work stops, and once it is erased nothing is left, bytes neither', async () => {
    const leaving = await given.tenant();
    const admin = await given.admin();
    const { id } = await madeBy(leaving);
    await settled(leaving.as, await givenFile(leaving.as, id, facts('files', [1]), 'facts.txt'));
    expect(bytes(leaving.tenantId)).toHaveLength(1);
    const { release } = await halfWay(leaving);
    await admin.delete(`/admin/tenants/${leaving.tenantId}`).expect(204);
    await eventually(
      () =>
        rowsOf<{ status: string }>(
          app,
          leaving.tenantId,
          'SELECT status FROM rag_ingestions WHERE tenant_id = :tenantId',
        ),
      ([row]) => row?.status === 'queued',
    );
    release();
    await app.nest.get(TenantBytes).eraseAll(leaving.tenantId);
    await runAs(Actor.system('test'), () => app.nest.get(AdministeredTenantsRepository).erase(leaving.tenantId, 0));
    expect(bytes(leaving.tenantId)).toEqual([]);
    expect(await knowledgeRows(app, leaving.tenantId)).toEqual({});
    expect(upstream.requests.length).toBe(3);
  });

  it('the process stops: the work is handed back at once, and the next process goes on', async () => {
    const store = await createTestStore();
    const first = await startApp(embeddingEnvironment(upstream), store);
    const of = await new Given(first).tenant();
    const { document } = await halfWay(of);
    await first.close();
    const second = await startApp(embeddingEnvironment(upstream), store);
    try {
      const [row] = await rowsOf<{ takeovers: number }>(
        second,
        of.tenantId,
        'SELECT barren_takeovers AS takeovers FROM rag_ingestions WHERE tenant_id = :tenantId',
      );
      expect(row?.takeovers ?? 0).toBe(0);
      const again = await new Given(second).login(of.owner.email, of.owner.password);
      expect(await settled(again.as, document)).toMatchObject({ status: 'ready', chunkCount: CHUNKS });
      expect([...upstream.billed.values()].every((times) => times === 1)).toBe(true);
    } finally {
      await second.close();
      await store.drop();
    }
  }, 60_000);
});

/** Of postings there are as many as the merges in the background have left by now. */
async function lasting(collectionId: string): Promise<object> {
  const counts = Object.entries(await rows(collectionId));
  return Object.fromEntries(counts.filter(([table]) => !/postings|segments/.test(table)));
}

it('A collection that is deleted while a search waits for its question’s vector is not found any more', async () => {
  const { id } = await madeBy(tenant);
  await readyText(tenant.as, id, facts('late', [1]));
  let release = (): void => undefined;
  upstream.enqueue({ until: new Promise<void>((resolve) => (release = resolve)) });
  const before = upstream.requests.length;
  const searching = search(tenant.as, { collectionIds: [id], query: 'fact1 of late' });
  await eventually(
    () => upstream.requests.length,
    (count) => count > before,
  );
  await tenant.as.delete(`/rag/collections/${id}`).expect(204);
  release();
  expect(await searching).toEqual([]);
});

describe('Beside others, a collection whose provider fails', () => {
  const failing = { status: 401, error: { detail: 'The key is not known' } };

  it('is found by its words, and fails a search by vectors', async () => {
    const [kept, away] = [await collection(tenant.as), await madeBy(tenant)];
    for (const { id } of [kept, away]) await readyText(tenant.as, id, facts('beside', [1]));
    const collectionIds = [kept.id, away.id];
    upstream.enqueue(failing, failing, failing);
    const found = await search(tenant.as, { collectionIds, query: 'fact1 of beside' });
    expect(found.map(({ scores }) => scores.vector === null).sort()).toEqual([false, true]);
    await tenant.as.post('/rag/search', { collectionIds, query: 'fact1 of beside', mode: 'vector' }).expect(502);
    await tenant.as.post('/rag/search', { collectionIds: [away.id], query: 'fact1 of beside' }).expect(502);
  });

  it('is not asked for where there is nothing in it', async () => {
    const { id } = await madeBy(tenant);
    for (const mode of ['hybrid', 'vector'])
      expect(await search(tenant.as, { collectionIds: [id], query: 'Anything?', mode })).toEqual([]);
    expect(upstream.requests).toEqual([]);
  });
});

describe('What is swept away', () => {
  it('is all of a deleted collection, with the bytes of its files, and nothing of another', async () => {
    const [gone, kept] = [await madeBy(tenant), await madeBy(tenant)];
    for (const { id } of [gone, kept]) {
      await readyText(tenant.as, id, facts('swept', [1, 2, 3]));
      await settled(tenant.as, await givenFile(tenant.as, id, facts('filed', [1]), 'facts.txt'));
    }
    const [before, all] = [await lasting(kept.id), bytes(tenant.tenantId).length];
    await tenant.as.delete(`/rag/collections/${gone.id}`).expect(204);
    await app.nest.get(KnowledgeSweeper).sweep(new Date(Date.now() - 60_000));
    expect(await lasting(gone.id)).toEqual(before);
    await app.nest.get(KnowledgeSweeper).sweep(new Date());
    expect(await rows(gone.id)).toEqual({});
    expect(await lasting(kept.id)).toEqual(before);
    expect(bytes(tenant.tenantId)).toHaveLength(all - 1);
    expect(await search(tenant.as, { collectionIds: [kept.id], query: 'fact1 filed' })).not.toEqual([]);
  });

  it('are old versions, but not those whose vectors the next one takes over', async () => {
    const { id } = await madeBy(tenant);
    const document = await readyText(tenant.as, id, facts('old', [1, 2]));
    await tenant.as.post(`/rag/documents/${document.id}/reindex`).expect(202);
    await settled(tenant.as, document);
    expect(await rows(id)).toMatchObject({ rag_chunks: 4, rag_vectors_256: 4, rag_garbage: 1 });
    await app.nest.get(KnowledgeSweeper).sweep(new Date());
    const left = await rows(id);
    expect(left).toMatchObject({ rag_chunks: 2, rag_vectors_256: 2 });
    expect(left).not.toHaveProperty('rag_garbage');
  });

  it('are bytes that belong to no document', async () => {
    const { id } = await madeBy(tenant);
    const document = await givenFile(tenant.as, id, 'A file', 'a.txt');
    await settled(tenant.as, document);
    const before = bytes(tenant.tenantId);
    await rowsOf(app, tenant.tenantId, 'DELETE FROM rag_documents WHERE tenant_id = :tenantId AND id = :id', document);
    const long = new Date(Date.now() - 2 * 86_400_000);
    await app.nest.get(DocumentBytesSweeper).sweep();
    expect(bytes(tenant.tenantId)).toEqual(before);
    for (const file of before) utimesSync(file, long, long);
    await app.nest.get(DocumentBytesSweeper).sweep();
    expect(before.filter((file) => !bytes(tenant.tenantId).includes(file))).toEqual([
      expect.stringContaining(document.id),
    ]);
  });

  it('are what requests named, once they can not be repeated any more', async () => {
    const { id } = await madeBy(tenant);
    await tenant.as.post('/rag/documents/batch', { collectionId: id, documents: [{ text: 'One' }] }).expect(202);
    const batches = () => rowsOf(app, tenant.tenantId, 'SELECT 1 FROM rag_batches WHERE tenant_id = :tenantId');
    await rowsOf(
      app,
      tenant.tenantId,
      `INSERT INTO rag_batches (tenant_id, id, collection_id, document_ids, created_at)
       VALUES (:tenantId, gen_random_uuid(), :id, '{}', now() - interval '3 days')`,
      { id },
    );
    expect(await batches()).toHaveLength(2);
    await app.nest.get(KnowledgeSweeper).sweep(new Date());
    expect(await batches()).toHaveLength(1);
  });
});
