import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { IndexUpkeep } from '../src/modules/rag/index/index-upkeep.sweeper.js';
import { SegmentUpkeep } from '../src/modules/rag/index/segment-upkeep.js';
import { VectorMovesRepository } from '../src/modules/rag/index/vector-moves.repository.js';
import { VectorsRepository } from '../src/modules/rag/index/vectors.repository.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { collection, givenText, readyText, search, settled } from './collections.js';
import { Given, type Tenant } from './given.js';
import { Guards } from './guards.js';
import { FACT_CHUNKS, rowsOf } from './knowledge-faults.js';

const DOCUMENTS = 12;

let app: TestApp;
let guards: Guards;
let ours: Tenant;
let theirs: Tenant;
let shared: CollectionDto;
let first: DocumentDto;
let foreign: DocumentDto;

/** The worst case: both tenants have a collection of the same id, whose vectors and versions have the same ids too. */
beforeAll(async () => {
  app = await startApp();
  // Merges are made where the test says so.
  await app.nest.get(IndexUpkeep).beforeApplicationShutdown();
  guards = Guards.of(app);
  const given = new Given(app);
  [ours, theirs] = [await given.tenant(), await given.tenant()];
  shared = await collection(ours.as, { chunking: FACT_CHUNKS });
  const [row] = await rowsOf<Record<string, unknown>>(
    app,
    ours.tenantId,
    'SELECT chunking::text, space_id AS space, dimensions FROM rag_collections WHERE tenant_id = :tenantId',
  );
  await rowsOf(
    app,
    theirs.tenantId,
    `INSERT INTO rag_collections (tenant_id, id, name, language, chunking, embedding_model, dimensions, space_id)
     VALUES (:tenantId, :id, 'theirs', 'english', :chunking::jsonb, 'offline', :dimensions, :space)`,
    { ...row, id: shared.id },
  );
  [first] = (await filled(ours, 'ours')) as [DocumentDto];
  [foreign] = (await filled(theirs, 'theirs')) as [DocumentDto];
}, 120_000);
afterAll(() => app.close());

async function filled({ as }: Tenant, whose: string): Promise<DocumentDto[]> {
  const documents: DocumentDto[] = [];
  for (let n = 0; n < DOCUMENTS; n++) {
    const text = `${whose} whales swim in the sea number${n}`;
    const metadata = { kind: n % 2 === 0 ? 'even' : 'odd' };
    documents.push(await settled(as, await givenText(as, shared.id, text, { metadata, title: `${whose} whales` })));
  }
  return documents;
}

/** All that a tenant can read of it, as text without what differs from time to time. */
async function everything(): Promise<Record<string, string>> {
  const { as } = ours;
  const found: Record<string, string> = {};
  for (const mode of ['keyword', 'vector', 'hybrid'])
    for (const filter of [undefined, { kind: 'odd' }, { kind: { $ne: 'odd' } }]) {
      const asked = { collectionIds: [shared.id], query: 'whales swim', mode, filter, topK: 100 };
      found[`${mode} ${JSON.stringify(filter ?? null)}`] = JSON.stringify(await search(as, asked));
    }
  const question = { collectionIds: [shared.id], question: 'Where do whales swim?', topK: 50 };
  const { answer, sources } = (await as.post('/rag/query', question).expect(200)).json();
  found['query'] = JSON.stringify({ answer, sources });
  for (const path of [`documents/${first.id}/chunks`, `documents?collectionId=${shared.id}&limit=100`, 'collections'])
    found[path] = (await as.get(`/rag/${path}`).expect(200)).text;
  const { status } = await as.get(`/rag/documents/${foreign.id}`);
  found['document'] = String(status);
  return found;
}

/** What one guard leaves of what both of them do, and that without either the other tenant would be seen. */
async function expectKept(): Promise<void> {
  const both = await everything();
  for (const [what, text] of Object.entries(both)) {
    if (what !== 'document') expect([what, text]).toEqual([what, expect.stringMatching(/ours|Handbook/)]);
    expect([what, text]).toEqual([what, expect.not.stringContaining('theirs')]);
  }
  for (const mode of ['keyword', 'vector', 'hybrid'])
    expect((JSON.parse(both[`${mode} null`] ?? '') as unknown[]).length).toBe(DOCUMENTS);
  guards.conditions('off');
  expect(await everything()).toEqual(both);
  await guards.policies('off');
  const neither = await everything().catch((error: unknown) => ({ failed: String(error) }));
  guards.conditions('on');
  expect(await everything()).toEqual(both);
  await guards.policies('on');
  expect(JSON.stringify(neither)).toContain('theirs');
}

async function inBoth(work: () => Promise<unknown>): Promise<void> {
  for (const { tenantId } of [ours, theirs]) await runAs(Actor.job(tenantId), work);
}

describe('Policies alone, and conditions alone, keep the rows of others out of everything', () => {
  it('while words are fresh and vectors are compared one by one', async () => {
    const [row] = await rowsOf<{ count: number }>(
      app,
      ours.tenantId,
      'SELECT count(*)::int AS count FROM rag_fresh_postings WHERE tenant_id = :tenantId',
    );
    expect(row?.count).toBe(DOCUMENTS);
    await expectKept();
  }, 60_000);

  it('when words are merged, vectors have an index, and filters leave too many to be named', async () => {
    const [vectors, moves, db] = [
      app.nest.get(VectorsRepository),
      app.nest.get(VectorMovesRepository),
      app.nest.get(Db),
    ];
    const [found] = await rowsOf<{ space: string }>(
      app,
      ours.tenantId,
      'SELECT space_id AS space FROM rag_collections WHERE tenant_id = :tenantId',
    );
    const space = { collectionId: shared.id, spaceId: found?.space ?? '', dimensions: shared.dimensions };
    await inBoth(async () => {
      await app.nest.get(SegmentUpkeep).tidy(shared.id, new AbortController().signal);
      await vectors.prepare(space.dimensions, 1);
      await moves.setBucket(space, 1);
      expect(await db.run(() => moves.move(space, 1, 1_000))).toBe(DOCUMENTS);
      await db.sql('UPDATE rag_documents SET chunk_count = 1000000 WHERE tenant_id = :tenantId');
    });
    const fresh = await rowsOf(app, ours.tenantId, 'SELECT 1 FROM rag_fresh_postings WHERE tenant_id = :tenantId');
    expect(fresh).toEqual([]);
    guards.watch = [];
    await expectKept();
    const texts = guards.watch.map(({ text }) => text).join('\n');
    expect(texts).toContain(`FROM rag_vectors_${shared.dimensions}_1 v`);
    expect(texts).toMatch(/rag_vectors_\d+_1 v[^]+AND \(.*metadata/);
    guards.watch = null;
  }, 60_000);
});

describe('What another tenant has, by its id', () => {
  it('is not there, wherever it stands', async () => {
    const own = await collection(ours.as, { name: 'Own' });
    const secret = await collection(theirs.as, { name: 'Secret' });
    const document = await readyText(theirs.as, secret.id, 'The secret word is xylophone.');
    for (const [path, body] of [
      ['search', { query: 'xylophone' }],
      ['query', { question: 'What is the secret word?' }],
    ] as const) {
      const refused = await ours.as.post(`/rag/${path}`, { ...body, collectionIds: [own.id, secret.id] }).expect(422);
      expect(faultyFields(refused)).toEqual(['collectionIds[1]']);
    }
    const given = await ours.as.post('/rag/documents', { collectionId: secret.id, text: 'x' }).expect(422);
    expect(faultyFields(given)).toEqual(['collectionId']);
    const batch = { collectionId: secret.id, documents: [{ text: 'x' }] };
    expect(faultyFields(await ours.as.post('/rag/documents/batch', batch).expect(422))).toEqual(['collectionId']);
    for (const path of ['', '/chunks']) await ours.as.get(`/rag/documents/${document.id}${path}`).expect(404);
    await ours.as.post(`/rag/documents/${document.id}/reindex`).expect(404);
    await ours.as.delete(`/rag/documents/${document.id}`).expect(404);
    for (const send of ['get', 'delete'] as const) await ours.as[send](`/rag/collections/${secret.id}`).expect(404);
    await ours.as.patch(`/rag/collections/${secret.id}`, { name: 'Ours' }).expect(404);
    expect((await ours.as.get(`/rag/documents?collectionId=${secret.id}`).expect(200)).json()).toMatchObject({
      data: [],
    });
    expect(await search(theirs.as, { collectionIds: [secret.id], query: 'xylophone' })).toHaveLength(1);
  });
});
