import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { collection, givenText, readyText, search, settled } from './collections.js';
import { Given, type Member, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import { TestSocket } from './sockets.js';

let app: TestApp;
let given: Given;
let tenant: Tenant;
let other: Tenant;
let member: Member;
let viewer: Member;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  [tenant, other] = await Promise.all([given.tenant(), given.tenant()]);
  [member, viewer] = [await given.member(tenant, 'member'), await given.member(tenant, 'viewer')];
}, 60_000);
afterAll(() => app.close());

async function shown(id: string, as = tenant.as): Promise<CollectionDto> {
  return (await as.get(`/rag/collections/${id}`).expect(200)).json<CollectionDto>();
}

describe('A collection', () => {
  it('needs a name alone, and says by what it goes', async () => {
    const made = await collection(tenant.as, { name: 'Handbook' });
    expect(made).toMatchObject({
      ...{ name: 'Handbook', description: null, embeddingModel: 'offline', language: 'english', access: 'tenant' },
      ...{ metadata: {}, documentCount: 0, chunkCount: 0, reembedding: null, createdBy: tenant.owner.userId },
      chunking: { strategy: 'markdown' },
    });
    expect(made.dimensions).toBeGreaterThan(0);
    expect(made.chunking.overlap).toBeLessThan(made.chunking.size);
    expect(await shown(made.id)).toEqual(made);
  });

  it('is changed field by field, and null resets one', async () => {
    const { id, chunking } = await collection(tenant.as, {
      ...{ name: 'A', description: 'B', language: 'german', metadata: { a: 1 } },
      chunking: { strategy: 'fixed', size: 100, overlap: 10 },
    });
    const changed = await tenant.as.patch(`/rag/collections/${id}`, { name: 'C', metadata: { b: 2 } }).expect(200);
    expect(changed.json()).toMatchObject({
      name: 'C',
      description: 'B',
      language: 'german',
      metadata: { b: 2 },
      chunking,
    });
    const reset = await tenant.as
      .patch(`/rag/collections/${id}`, { description: null, language: null, chunking: null, metadata: null })
      .expect(200);
    expect(reset.json()).toMatchObject({ description: null, language: 'english', metadata: {} });
    expect(reset.json<CollectionDto>().chunking).toEqual((await collection(tenant.as)).chunking);
  });

  it.each<[string, object, string]>([
    ['no name', { name: ' ' }, 'name'],
    ['an unknown model', { embeddingModel: 'gpt-5' }, 'embeddingModel'],
    ['an unknown language', { language: 'klingon' }, 'language'],
    ['an unknown strategy', { chunking: { strategy: 'random' } }, 'chunking.strategy'],
    ['chunks that are too small', { chunking: { strategy: 'fixed', size: 49 } }, 'chunking.size'],
    ['chunks that are too large', { chunking: { strategy: 'fixed', size: 4001 } }, 'chunking.size'],
    [
      'an overlap as large as the chunk',
      { chunking: { strategy: 'fixed', size: 50, overlap: 50 } },
      'chunking.overlap',
    ],
    ['an unknown access', { access: 'everybody' }, 'access'],
    ['access for nobody', { access: { userIds: [] } }, 'access'],
    ['access and more', { access: { userIds: [randomUUID()], role: 'owner' } }, 'access'],
    ['a stranger', { access: { userIds: [randomUUID()] } }, 'access.userIds[0]'],
    ['a tenant', { tenantId: randomUUID() }, 'tenantId'],
    ['counts', { documentCount: 3 }, 'documentCount'],
  ])('is refused with %s', async (_what, body, field) => {
    const refused = await tenant.as.post('/rag/collections', { name: 'A', ...body }).expect(422);
    expect(faultyFields(refused)).toContain(field);
  });

  it('names the models there are where it is given another', async () => {
    const refused = await tenant.as.post('/rag/collections', { name: 'A', embeddingModel: 'gpt-5' }).expect(422);
    expect(refused.text).toContain('offline');
  });

  it('is made and changed by admins, and read by all of the tenant', async () => {
    const { id } = await collection(tenant.as);
    await member.as.post('/rag/collections', { name: 'A' }).expect(403);
    await member.as.patch(`/rag/collections/${id}`, { name: 'A' }).expect(403);
    await member.as.delete(`/rag/collections/${id}`).expect(403);
    await viewer.as.get(`/rag/collections/${id}`).expect(200);
    await other.as.get(`/rag/collections/${id}`).expect(404);
  });

  it('takes no member of another tenant for a reader', async () => {
    const refused = await tenant.as
      .post('/rag/collections', { name: 'A', access: { userIds: [member.userId, other.owner.userId] } })
      .expect(422);
    expect(faultyFields(refused)).toEqual(['access.userIds[1]']);
  });
});

describe('A collection of named members', () => {
  it('is not there for anybody else', async () => {
    const access = { userIds: [member.userId] };
    const { id } = await collection(tenant.as, { name: 'Secret', access });
    expect((await shown(id, member.as)).access).toEqual(access);
    const text = 'The vault opens with the word xylophone.';
    const refused = await tenant.as.post('/rag/documents', { collectionId: id, text }).expect(422);
    expect(faultyFields(refused)).toEqual(['collectionId']);
    const document = await readyText(member.as, id, text);
    for (const { as } of [tenant, viewer, other]) {
      await as.get(`/rag/collections/${id}`).expect(404);
      await as.get(`/rag/documents/${document.id}`).expect(404);
      await as.get(`/rag/documents/${document.id}/chunks`).expect(404);
      expect((await as.get(`/rag/documents?collectionId=${id}`).expect(200)).json()).toMatchObject({ data: [] });
      const listed = (await as.get('/rag/collections?search=Secret').expect(200)).json<{ data: { id: string }[] }>();
      expect(listed.data.map((one) => one.id)).not.toContain(id);
      const unknown = await as.post('/rag/search', { collectionIds: [id], query: 'vault' }).expect(422);
      expect(faultyFields(unknown)).toEqual(['collectionIds[0]']);
      await as.post('/rag/query', { collectionIds: [id], question: 'vault?' }).expect(422);
    }
    await tenant.as.post('/agents', { name: 'Spy', collectionIds: [id] }).expect(422);
    expect(await search(member.as, { collectionIds: [id], query: 'vault word' })).toHaveLength(1);
  });

  it('can be handed over by a reader who may change it, also out of their own sight', async () => {
    const admin = await given.member(tenant, 'admin');
    const { id } = await collection(tenant.as, { name: 'Mine', access: { userIds: [admin.userId] } });
    const handed = await admin.as.patch(`/rag/collections/${id}`, { access: { userIds: [member.userId] } }).expect(200);
    expect(handed.json()).toMatchObject({ access: { userIds: [member.userId] } });
    await admin.as.get(`/rag/collections/${id}`).expect(404);
    await shown(id, member.as);
  });

  it('falls to the owners when its last reader has gone', async () => {
    const leaver = await given.member(tenant, 'member');
    const { id } = await collection(tenant.as, { name: 'Left', access: { userIds: [leaver.userId] } });
    await tenant.as.get(`/rag/collections/${id}`).expect(404);
    await tenant.as.delete(`/members/${leaver.userId}`).expect(204);
    await shown(id);
    await viewer.as.get(`/rag/collections/${id}`).expect(404);
  });

  it('is left by sockets of those who may not read it any more', async () => {
    const { id } = await collection(tenant.as, { name: 'Live' });
    const socket = await TestSocket.connect(app.url, viewer.accessToken);
    expect(await socket.say('collection.join', { collectionId: id })).toMatchObject({ ok: true });
    await readyText(tenant.as, id, 'First');
    await eventually(
      () => socket.events.length,
      (count) => count > 0,
    );
    const admin = await given.member(tenant, 'admin');
    await tenant.as.patch(`/rag/collections/${id}`, { access: { userIds: [admin.userId] } }).expect(200);
    const before = socket.events.length;
    await readyText(admin.as, id, 'Second');
    const texts = JSON.stringify(socket.events.slice(before));
    expect(texts).not.toContain('Second');
    expect(await socket.say('collection.join', { collectionId: id })).toMatchObject({
      ok: false,
      error: { code: 'not_found' },
    });
    socket.close();
  });
});

describe('A deleted collection', () => {
  it('is gone with its documents, out of searches and of agents', async () => {
    const { id } = await collection(tenant.as);
    const kept = await collection(tenant.as);
    const document = await readyText(tenant.as, id, 'Whales are mammals.');
    const waiting = await givenText(tenant.as, id, 'Sharks are fish.');
    const agent = await tenant.as.post('/agents', { name: 'Reader', collectionIds: [id, kept.id] }).expect(201);
    const { id: agentId } = agent.json<{ id: string }>();
    await tenant.as.delete(`/rag/collections/${id}`).expect(204);
    await tenant.as.get(`/rag/collections/${id}`).expect(404);
    await tenant.as.delete(`/rag/collections/${id}`).expect(404);
    for (const gone of [document, waiting]) await tenant.as.get(`/rag/documents/${gone.id}`).expect(404);
    await tenant.as.post('/rag/search', { collectionIds: [id], query: 'whales' }).expect(422);
    const reader = (await tenant.as.get(`/agents/${agentId}`).expect(200)).json();
    expect(reader).toMatchObject({ collectionIds: [kept.id], version: 2 });
    const alone = await tenant.as
      .post('/agents', { name: 'One', collectionIds: [kept.id], tools: ['rag:search'] })
      .expect(201);
    const back = await tenant.as.post(`/agents/${agentId}/rollback`, { version: 1 }).expect(200);
    expect(back.json()).toMatchObject({ collectionIds: [kept.id] });
    await tenant.as.delete(`/rag/collections/${kept.id}`).expect(204);
    const { id: aloneId } = alone.json<{ id: string }>();
    const left = (await tenant.as.get(`/agents/${aloneId}`).expect(200)).json();
    expect(left).toMatchObject({ collectionIds: [], tools: [] });
    const restored = await tenant.as.post(`/agents/${aloneId}/rollback`, { version: 1 }).expect(200);
    expect(restored.json()).toMatchObject({ collectionIds: [], tools: [] });
  });

  it('is not swapped for all there are where an agent goes elsewhere', async () => {
    const { id } = await collection(tenant.as);
    const tools = ['rag:search', 'rag:*', 'clock:now'];
    for (const [collectionIds, kept] of [
      [[id], ['clock:now']],
      [[], tools],
    ]) {
      const made = await tenant.as.post('/agents', { name: 'One', collectionIds, tools }).expect(201);
      const file = (await tenant.as.get(`/agents/${made.json<{ id: string }>().id}/export`).expect(200)).json();
      const there = (await tenant.as.post('/agents/import', file).expect(201)).json();
      expect(there).toMatchObject({ collectionIds: [], tools: kept });
    }
  });

  it('takes the same text again in another collection', async () => {
    const [one, two] = [await collection(tenant.as), await collection(tenant.as)];
    const first = await givenText(tenant.as, one.id, 'The same');
    await tenant.as.delete(`/rag/collections/${one.id}`).expect(204);
    const second = await readyText(tenant.as, two.id, 'The same');
    expect(second.id).not.toBe(first.id);
    expect(await settled(tenant.as, second)).toMatchObject({ status: 'ready', chunkCount: 1 });
  });
});
