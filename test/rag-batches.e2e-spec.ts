import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import type { Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { collection, readyText, search } from './collections.js';
import { Given, type Tenant } from './given.js';
import { knowledgeRows } from './knowledge-faults.js';
import { eventually } from './platform-fixtures.js';

/** As many as a batch may have, where they are taken in fast. */
const COUNT = process.env['TEST_DATABASE_URL'] === undefined ? 200 : 1_000;

let app: TestApp;
let [busy, quiet]: Tenant[] = [];
beforeAll(async () => {
  app = await startApp();
  const given = new Given(app);
  [busy, quiet] = [await given.tenant(), await given.tenant()];
}, 60_000);
afterAll(() => app.close());

describe('A thousand documents in one request', () => {
  it('all become ready; meanwhile the API answers, and another tenant’s document does not wait for them', async () => {
    const [many, one] = [await collection(busy!.as), await collection(quiet!.as)];
    const documents = Array.from({ length: COUNT }, (_, n) => ({
      title: `Report ${n}`,
      text: `# Report ${n}\n\nThe value of sensor${n} was measured on day ${n % 31}.\n`,
    }));
    const given = await busy!.as.post('/rag/documents/batch', { collectionId: many.id, documents }).expect(202);
    const { documents: taken } = given.json<{ documents: DocumentDto[] }>();
    expect(taken.map(({ title }) => title)).toEqual(documents.map(({ title }) => title));
    const ready = async () =>
      (await busy!.as.get(`/rag/collections/${many.id}`).expect(200)).json<CollectionDto>().chunkCount;
    await readyText(quiet!.as, one.id, 'A single document.');
    const before = await ready();
    expect(before).toBeLessThan(COUNT);
    let answered = 0;
    await eventually(
      async () => {
        await busy!.as.get('/sessions').expect(200);
        await search(quiet!.as, { collectionIds: [one.id], query: 'single' });
        answered++;
        return ready();
      },
      (count) => count === COUNT,
      280_000,
    );
    expect(answered).toBeGreaterThan(10);
    const failed = await busy!.as.get(`/rag/documents?collectionId=${many.id}&status=failed`).expect(200);
    expect(failed.json<Listed<DocumentDto>>().data).toEqual([]);
    expect(await knowledgeRows(app, busy!.tenantId, many.id)).toMatchObject({
      rag_documents: COUNT,
      rag_chunks: COUNT,
    });
    for (const n of [0, COUNT / 2, COUNT - 1]) {
      const [found] = await search(busy!.as, { collectionIds: [many.id], query: `sensor${n}`, mode: 'keyword' });
      expect(found?.documentTitle).toBe(`Report ${n}`);
    }
    const again = await busy!.as.post('/rag/documents/batch', { collectionId: many.id, documents }).expect(202);
    expect(again.json<{ documents: DocumentDto[] }>().documents.map(({ id }) => id)).toEqual(taken.map(({ id }) => id));
  }, 300_000);

  it('answers again with the same documents, one per input, and not once one of them is gone', async () => {
    const { id: collectionId } = await collection(busy!.as);
    const body = { collectionId, documents: [{ text: 'One' }, { text: 'Two' }, { text: 'One' }] };
    const post = () => busy!.as.post('/rag/documents/batch', body, { 'Idempotency-Key': 'documents' });
    const ids = async () =>
      (await post().expect(202)).json<{ documents: DocumentDto[] }>().documents.map(({ id }) => id);
    const first = await ids();
    expect(first).toEqual([first[0], first[1], first[0]]);
    expect(await ids()).toEqual(first);
    await busy!.as.delete(`/rag/documents/${first[1]}`).expect(204);
    await post().expect(404);
  }, 60_000);
});
