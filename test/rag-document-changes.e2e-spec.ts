import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { faultyFields, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { collection, givenFile, givenText, readyText, search, settled } from './collections.js';
import { Given, type Member, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import { pdf } from './sample-files.js';
import { TestSocket } from './sockets.js';

let app: TestApp;
let given: Given;
let tenant: Tenant;
let other: Tenant;
let member: Member;
let viewer: Member;
let id: string;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  [tenant, other] = [await given.tenant(), await given.tenant()];
  [member, viewer] = [await given.member(tenant, 'member'), await given.member(tenant, 'viewer')];
}, 60_000);
beforeEach(async () => {
  ({ id } = await collection(tenant.as));
});
afterAll(() => app.close());

async function counts(): Promise<number[]> {
  const { documentCount, chunkCount } = (
    await tenant.as.get(`/rag/collections/${id}`).expect(200)
  ).json<CollectionDto>();
  return [documentCount, chunkCount];
}

async function page(query: string, as = tenant.as): Promise<Listed<DocumentDto>> {
  return (await as.get(`/rag/documents?${query}`).expect(200)).json();
}

describe('A batch', () => {
  async function batch(documents: object[]): Promise<DocumentDto[]> {
    const answer = await tenant.as.post('/rag/documents/batch', { collectionId: id, documents }).expect(202);
    return answer.json<{ documents: DocumentDto[] }>().documents;
  }

  it('is answered one by one in its order, with what is there or comes twice in its place', async () => {
    const known = await readyText(tenant.as, id, 'Known');
    const answered = await batch([
      { text: 'New', title: 'First' },
      { text: 'Known', title: 'Not so' },
      { url: 'https://example.invalid/page', metadata: { a: 1 } },
      { text: 'New', title: 'Second' },
      { text: 'Newer' },
    ]);
    expect(answered.map(({ title }) => title)).toEqual([
      ...['First', 'Known', 'https://example.invalid/page', 'First', 'Newer'],
    ]);
    expect(answered[1]?.id).toBe(known.id);
    expect(answered[3]?.id).toBe(answered[0]?.id);
    expect((await page(`collectionId=${id}`)).data).toHaveLength(4);
    expect((await counts())[0]).toBe(4);
  });

  it('is taken in whole or, where one of it is wrong, not at all', async () => {
    const wrong: [object, string][] = [
      [{ text: '' }, 'documents[1].text'],
      [{}, 'documents[1].text'],
      [{ text: 'a', url: 'https://example.com' }, 'documents[1].text'],
      [{ url: 'http://10.0.0.1/' }, 'documents[1].url'],
      [{ url: 'x' }, 'documents[1].url'],
      [{ text: 'a', file: 'b' }, 'documents[1].file'],
      [{ text: 'a', collectionId: id }, 'documents[1].collectionId'],
      [{ text: 'a', metadata: [] }, 'documents[1].metadata'],
    ];
    for (const [one, field] of wrong) {
      const refused = await tenant.as.post('/rag/documents/batch', {
        collectionId: id,
        documents: [{ text: 'Good' }, one, { text: 'Good too' }],
      });
      expect([refused.status, faultyFields(refused)]).toEqual([422, [field]]);
    }
    const { id: theirs } = await collection(other.as);
    for (const collectionId of [theirs, v7()]) {
      const refused = await tenant.as.post('/rag/documents/batch', { collectionId, documents: [{ text: 'a' }] });
      expect([refused.status, faultyFields(refused)]).toEqual([422, ['collectionId']]);
    }
    for (const documents of [[], [[]], Array.from({ length: 1_001 }, (_, at) => ({ text: `${at}` }))]) {
      const refused = await tenant.as.post('/rag/documents/batch', { collectionId: id, documents });
      expect([refused.status, faultyFields(refused)]).toEqual([422, ['documents']]);
    }
    expect([await counts(), await page(`collectionId=${id}`)]).toEqual([[0, 0], { data: [], nextCursor: null }]);
  });

  it('may be of a thousand, while others are served', async () => {
    const documents = Array.from({ length: 1_000 }, (_, at) => ({ text: `Note ${at}`, metadata: { at } }));
    const answered = await batch(documents);
    expect(answered.map(({ metadata }) => metadata['at'])).toEqual(documents.map((_, at) => at));
    expect((await counts())[0]).toBe(1_000);
    const { id: theirs } = await collection(other.as);
    expect(await readyText(other.as, theirs, 'Not behind a thousand others.')).toMatchObject({ status: 'ready' });
    await tenant.as.delete(`/rag/collections/${id}`).expect(204);
  }, 60_000);
});

describe('A list of documents', () => {
  it('is newest first, in pages that stand still, of a collection or a state', async () => {
    const all: string[] = [];
    for (let at = 0; at < 7; at++) all.unshift((await givenText(tenant.as, id, `Note ${at}`)).id);
    const first = await page(`collectionId=${id}&limit=3`);
    await givenText(tenant.as, id, 'Newer');
    const rest = await page(`collectionId=${id}&limit=4&cursor=${first.nextCursor}`);
    expect([...first.data, ...rest.data].map((one) => one.id)).toEqual(all);
    expect(rest.nextCursor).toBeNull();
    for (const one of all) await settled(tenant.as, { id: one });
    expect((await page(`collectionId=${id}&status=ready&limit=100`)).data).toHaveLength(8);
    expect((await page(`collectionId=${id}&status=failed`)).data).toEqual([]);
    expect((await page(`collectionId=${v7()}`)).data).toEqual([]);
    expect((await page(`collectionId=${id}`, other.as)).data).toEqual([]);
    for (const query of ['collectionId=x', 'status=done', 'limit=0'])
      await tenant.as.get(`/rag/documents?${query}`).expect(422);
    await tenant.as.get('/rag/documents?cursor=x').expect(400);
  }, 30_000);
});

describe('A deleted document', () => {
  /** What lies on the disk of them. */
  function isStored(of: { id: string }): boolean {
    const folder = join(app.store.environment['DATA_DIR'] ?? '', 'documents');
    return (
      existsSync(folder) && readdirSync(folder, { recursive: true }).some((name) => name.toString().includes(of.id))
    );
  }

  it('is out of searches at once, not counted, and its bytes are gone', async () => {
    const kept = await readyText(tenant.as, id, 'Kept whales');
    const gone = await settled(tenant.as, await givenFile(tenant.as, id, pdf('Lost whales'), 'a.pdf'));
    expect([await counts(), isStored(gone)]).toEqual([[2, kept.chunkCount + gone.chunkCount], true]);
    await tenant.as.delete(`/rag/documents/${gone.id}`).expect(204);
    for (const mode of ['hybrid', 'vector', 'keyword'])
      expect(
        (await search(tenant.as, { collectionIds: [id], query: 'whales', mode })).map((of) => of.documentId),
      ).toEqual([kept.id]);
    expect(await counts()).toEqual([1, kept.chunkCount]);
    for (const path of ['', '/chunks']) await tenant.as.get(`/rag/documents/${gone.id}${path}`).expect(404);
    await tenant.as.delete(`/rag/documents/${gone.id}`).expect(404);
    await tenant.as.post(`/rag/documents/${gone.id}/reindex`).expect(404);
    await eventually(
      () => isStored(gone),
      (is) => !is,
    );
  });

  it('is not taken in after all', async () => {
    const waiting = await Promise.all(Array.from({ length: 6 }, (_, at) => givenText(tenant.as, id, `Waits ${at}`)));
    for (const one of waiting) await tenant.as.delete(`/rag/documents/${one.id}`).expect(204);
    const last = await readyText(tenant.as, id, 'Waits no more');
    const found = await search(tenant.as, { collectionIds: [id], query: 'waits' });
    expect(found.map(({ documentId }) => documentId)).toEqual([last.id]);
    expect(await counts()).toEqual([1, 1]);
  });

  it('may be given again, and is another', async () => {
    const first = await readyText(tenant.as, id, 'Again and again');
    await tenant.as.delete(`/rag/documents/${first.id}`).expect(204);
    const second = await readyText(tenant.as, id, 'Again and again');
    expect([second.id === first.id, await counts()]).toEqual([false, [1, 1]]);
  });
});

describe('A document that is read anew', () => {
  it('is cut as its collection says by now, and counted so', async () => {
    const text = 'A sentence about whales in the sea. '.repeat(100);
    const document = await readyText(tenant.as, id, text);
    await tenant.as
      .patch(`/rag/collections/${id}`, { chunking: { strategy: 'fixed', size: 50, overlap: 0 } })
      .expect(200);
    const answer = await tenant.as.post(`/rag/documents/${document.id}/reindex`).expect(202);
    expect(answer.json<{ document: DocumentDto }>().document).toMatchObject({ id: document.id, status: 'queued' });
    const anew = await settled(tenant.as, document);
    expect(anew.chunkCount).toBeGreaterThan(document.chunkCount);
    expect(await counts()).toEqual([1, anew.chunkCount]);
    const found = await search(tenant.as, { collectionIds: [id], query: 'whales', topK: 100 });
    expect(found).toHaveLength(anew.chunkCount);
  });

  it('many times at once is there once', async () => {
    const document = await readyText(tenant.as, id, 'Once');
    await Promise.all(
      Array.from({ length: 5 }, () => tenant.as.post(`/rag/documents/${document.id}/reindex`).expect(202)),
    );
    await settled(tenant.as, document);
    expect(await search(tenant.as, { collectionIds: [id], query: 'once' })).toHaveLength(1);
    expect(await counts()).toEqual([1, 1]);
  });
});

describe('Who looks at a collection', () => {
  it('is told of each state of its documents, and of no others', async () => {
    const socket = await TestSocket.connect(app.url, viewer.accessToken);
    expect(await socket.say('collection.join', { collectionId: id })).toEqual({ ok: true });
    const unseen = await readyText(tenant.as, (await collection(tenant.as)).id, 'Elsewhere');
    const chunking = { strategy: 'fixed', size: 50, overlap: 0 };
    await tenant.as.patch(`/rag/collections/${id}`, { chunking }).expect(200);
    const small = await readyText(tenant.as, id, 'Whales');
    const document = await readyText(tenant.as, id, 'The whale sings in the deep of the sea. '.repeat(2_000));
    const failed = await settled(tenant.as, await givenFile(tenant.as, id, pdf(''), 'a.pdf'));
    const of = (one: DocumentDto) =>
      socket.events.filter((event) => 'documentId' in event && event.documentId === one.id) as {
        type: string;
        collectionId: string;
        data: { document: DocumentDto };
      }[];
    await eventually(
      () => of(failed).at(-1)?.data.document.status,
      (status) => status === 'failed',
    );
    const states = (one: DocumentDto) => {
      const all = of(one).map(({ data }) => data.document.status);
      return all.filter((state, at) => state !== all[at - 1]);
    };
    expect(states(document)).toEqual(['queued', 'parsing', 'embedding', 'ready']);
    // What is small is embedded as it is stored.
    expect(states(small)).toEqual(['queued', 'parsing', 'ready']);
    const progress = of(document).map(({ data }) => data.document.progress);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(of(document).at(-1)).toMatchObject({
      ...{ type: 'document.updated', collectionId: id, data: { document } },
    });
    expect(of(failed).at(-1)?.data.document).toEqual(failed);
    expect(of(unseen)).toEqual([]);
    expect(await socket.say('collection.leave', { collectionId: id })).toEqual({ ok: true });
    const before = socket.events.length;
    await readyText(tenant.as, id, 'More');
    expect(socket.events.length).toBe(before);
    for (const collectionId of [(await collection(other.as)).id, v7()])
      expect(await socket.say('collection.join', { collectionId })).toMatchObject({ error: { code: 'not_found' } });
    socket.close();
  });
});

describe('Who may what', () => {
  it('viewers read, members add, admins change and delete', async () => {
    const document = await readyText(member.as, id, 'Mine');
    const admin = await given.member(tenant, 'admin');
    const to = `/rag/documents/${document.id}`;
    for (const path of ['', '/chunks']) await viewer.as.get(`${to}${path}`).expect(200);
    await viewer.as.post('/rag/documents', { collectionId: id, text: 'a' }).expect(403);
    await viewer.as.post('/rag/documents/batch', { collectionId: id, documents: [{ text: 'a' }] }).expect(403);
    for (const { as } of [viewer, member]) {
      await as.post(`${to}/reindex`).expect(403);
      await as.delete(to).expect(403);
    }
    for (const as of [other.as]) {
      await as.get(to).expect(404);
      await as.post(`${to}/reindex`).expect(404);
      await as.delete(to).expect(404);
    }
    await admin.as.post(`${to}/reindex`).expect(202);
    await admin.as.delete(to).expect(204);
  });

  it('keys, what their scopes say', async () => {
    const keyOf = async (...scopes: string[]) => {
      const answer = await tenant.as.post('/api-keys', { name: scopes.join(), scopes }).expect(201);
      return new Client(app.url, answer.json<{ key: string }>().key);
    };
    const [adding, searching] = [await keyOf('documents:create', 'documents:read'), await keyOf('rag:read')];
    const document = await readyText(adding, id, 'By a key');
    await adding.post('/rag/search', { collectionIds: [id], query: 'key' }).expect(403);
    await adding.delete(`/rag/documents/${document.id}`).expect(403);
    await searching.post('/rag/documents', { collectionId: id, text: 'a' }).expect(403);
    await searching.get(`/rag/documents/${document.id}`).expect(403);
    expect(await search(searching, { collectionIds: [id], query: 'key' })).toHaveLength(1);
  });
});
