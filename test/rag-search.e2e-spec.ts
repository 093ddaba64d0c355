import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import type { SearchAnswerDto, SearchResultDto } from '../src/modules/rag/search/search.dto.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { collection, readyText, search, settled } from './collections.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { Given, type Tenant } from './given.js';

let app: TestApp;
let tenant: Tenant;
let other: Tenant;
/** Of animals, by title. */
let id: string;
let german: string;
let theirs: string;

const ANIMALS: Record<string, [text: string, metadata: Record<string, unknown>]> = {
  Whale: [
    'The whale is the largest mammal and lives in the ocean.',
    { legs: 0, home: 'sea', tags: ['big', 'wet'], 'a.b': 1, size: { m: 30 } },
  ],
  Dolphin: ['Dolphins are clever mammals that live in the ocean and play with boats.', { legs: 0, home: 'sea' }],
  Horse: ['A horse eats grass and gallops over the meadow.', { legs: 4, home: 'land', tags: [] }],
  Spider: ['A spider spins its web and waits for flies.', { legs: 8, home: 'land', born: null }],
  Falcon: ['The falcon dives faster than any other bird.', { legs: 2, home: 'air', tags: ['fast'], wild: true }],
  'Quokka of Rottnest': ['It smiles at everybody who comes by.', { legs: '4', home: 'land' }],
};

beforeAll(async () => {
  app = await startApp();
  const given = new Given(app);
  [tenant, other] = [await given.tenant(), await given.tenant()];
  ({ id } = await collection(tenant.as));
  ({ id: german } = await collection(tenant.as, { language: 'german' }));
  ({ id: theirs } = await collection(other.as));
  const documents = Object.entries(ANIMALS).map(([title, [text, metadata]]) => ({ title, text, metadata }));
  const answer = await tenant.as.post('/rag/documents/batch', { collectionId: id, documents }).expect(202);
  for (const one of answer.json<{ documents: DocumentDto[] }>().documents) await settled(tenant.as, one);
  await readyText(tenant.as, german, 'Die Katzen schlafen in alten Häusern.', { title: 'Katzen' });
  await readyText(other.as, theirs, 'The whale of others sings in secret.', { title: 'Secret' });
}, 120_000);
afterAll(() => app.close());

async function titles(body: object): Promise<string[]> {
  const found = await search(tenant.as, { collectionIds: [id], topK: 100, ...body });
  return found.map(({ documentTitle }) => documentTitle);
}

describe('A search', () => {
  it('tells what it found, where, and how well it fits', async () => {
    const { results, tookMs } = (
      await tenant.as.post('/rag/search', { collectionIds: [id], query: 'largest mammal in the ocean' }).expect(200)
    ).json<SearchAnswerDto>();
    expect(tookMs).toBeGreaterThan(0);
    expect(results[0]).toEqual({
      ...{ chunkId: expect.any(String), documentId: expect.any(String), documentTitle: 'Whale', collectionId: id },
      ...{ content: ANIMALS['Whale']?.[0], position: 0, page: null, headingPath: [], metadata: ANIMALS['Whale']?.[1] },
      ...{
        score: expect.any(Number),
        scores: { vector: expect.any(Number), keyword: expect.any(Number), rerank: null },
      },
    });
    const { chunkId, documentId, content } = results[0] as SearchResultDto;
    const chunks = await tenant.as.get(`/rag/documents/${documentId}/chunks`).expect(200);
    expect(chunks.json()).toMatchObject({ data: [{ id: chunkId, content }] });
  });

  it.each(['hybrid', 'vector', 'keyword'])('by %s scores from 0 to 1, the best first, always alike', async (mode) => {
    const body = { collectionIds: [id], query: 'clever mammals that dive in the ocean', mode, topK: 100 };
    const found = await search(tenant.as, body);
    const scores = found.map(({ score }) => score);
    expect(found[0]?.documentTitle).toBe('Dolphin');
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    for (const { score, scores: of } of found) {
      for (const value of [score, of.vector ?? 0, of.keyword ?? 0])
        expect([value >= 0, value <= 1, Number.isFinite(value)]).toEqual([true, true, true]);
      expect(of.rerank).toBeNull();
      if (mode === 'vector') expect(of.keyword).toBeNull();
      if (mode === 'keyword') expect(of.vector).toBeNull();
    }
    // Words either occur or not; whatever is there has a vector.
    if (mode === 'keyword') expect(found.length).toBeLessThan(Object.keys(ANIMALS).length);
    else expect(found).toHaveLength(Object.keys(ANIMALS).length);
    for (let times = 0; times < 3; times++) expect(await search(tenant.as, body)).toEqual(found);
  });

  it('brings as many as it is asked for, ten unless said otherwise, and none that fit less well', async () => {
    const all = await search(tenant.as, { collectionIds: [id], query: 'ocean', mode: 'vector' });
    expect(all).toHaveLength(6);
    expect(await search(tenant.as, { collectionIds: [id], query: 'ocean', mode: 'vector', topK: 2 })).toEqual(
      all.slice(0, 2),
    );
    const minScore = all[1]?.score ?? 1;
    expect(await search(tenant.as, { collectionIds: [id], query: 'ocean', mode: 'vector', minScore })).toEqual(
      all.filter(({ score }) => score >= minScore),
    );
    expect(await titles({ query: 'ocean', minScore: 1 })).toEqual([]);
    const { id: many } = await collection(tenant.as);
    const documents = Array.from({ length: 12 }, (_, at) => ({ text: `The ocean, part ${at}` }));
    const answer = await tenant.as.post('/rag/documents/batch', { collectionId: many, documents }).expect(202);
    for (const one of answer.json<{ documents: DocumentDto[] }>().documents) await settled(tenant.as, one);
    for (const [topK, length] of [
      [undefined, 10],
      [null, 10],
      [11, 11],
      [100, 12],
    ] as const)
      expect(await search(tenant.as, { collectionIds: [many], query: 'ocean', topK })).toHaveLength(length);
  }, 60_000);

  it.each(['hybrid', 'vector', 'keyword'])('by %s finds by titles', async (mode) => {
    expect((await titles({ query: 'quokka', mode }))[0]).toBe('Quokka of Rottnest');
  });

  it('takes null for what is absent', async () => {
    const asked = { collectionIds: [id], query: 'ocean' };
    const found = await search(tenant.as, asked);
    expect(found.length).toBeGreaterThan(0);
    const nulls = { topK: null, mode: null, filter: null, minScore: null, rerank: null };
    expect(await search(tenant.as, { ...asked, ...nulls })).toEqual(found);
    const question = { collectionIds: [id], question: 'What swims in the ocean?' };
    const answers = [question, { ...question, topK: null, filter: null, agentId: null, stream: null }].map(
      async (body) => (await tenant.as.post('/rag/query', body).expect(200)).json<{ sources: unknown[] }>().sources,
    );
    const [plain, withNulls] = await Promise.all(answers);
    expect(withNulls).toEqual(plain);
    expect(plain).not.toEqual([]);
  });

  it('finds nothing where nothing is', async () => {
    const { id: empty } = await collection(tenant.as);
    for (const mode of ['hybrid', 'vector', 'keyword'])
      expect(await search(tenant.as, { collectionIds: [empty], query: 'whale', mode })).toEqual([]);
    expect(await titles({ query: 'xylophone', mode: 'keyword' })).toEqual([]);
  });

  it.each<[string, string]>([
    ['words that say nothing', 'the of and is it'],
    ['signs', '?!… --- "" \'\''],
    ['one letter', 'a'],
    ['faces', '\u{1F468}\u200D\u{1F469}'],
    ['operators', "whale & !horse | 'x':* <-> (a OR b) NOT -c"],
    ['SQL', "'; DROP TABLE rag_chunks; --"],
    ['10,000 characters', 'whale ocean '.repeat(1_000).slice(0, 10_000)],
    ['10,000 letters', 'x'.repeat(10_000)],
    [
      'ten thousand different words',
      Array.from({ length: 2_000 }, (_, at) => at.toString(36))
        .join(' ')
        .slice(0, 10_000),
    ],
  ])('for %s is answered', async (_what, query) => {
    for (const mode of ['hybrid', 'vector', 'keyword'] as const) {
      const found = await search(tenant.as, { collectionIds: [id], query, mode });
      expect(found.length).toBeLessThanOrEqual(6);
    }
  });

  it('goes over collections of several languages, each by its own rules', async () => {
    const both = { collectionIds: [german, id], mode: 'keyword' };
    expect(await titles({ ...both, query: 'Katze Haus' })).toEqual(['Katzen']);
    expect(await titles({ ...both, query: 'spiders' })).toEqual(['Spider']);
    const mixed = await search(tenant.as, { ...both, query: 'Katze, spider', mode: 'hybrid' });
    expect(
      mixed
        .slice(0, 2)
        .map(({ documentTitle, collectionId }) => [documentTitle, collectionId])
        .sort(),
    ).toEqual([
      ['Katzen', german],
      ['Spider', id],
    ]);
  });
});

describe('A search is refused', () => {
  it.each<[string, object, string]>([
    ['without collections', { collectionIds: [] }, 'collectionIds'],
    ['of too many', { collectionIds: Array.from({ length: 21 }, () => v7()) }, 'collectionIds'],
    ['of what is no id', { collectionIds: ['x'] }, 'collectionIds'],
    ['of a collection that is not there', { collectionIds: [v7()] }, 'collectionIds[0]'],
    ['without a question', { query: '' }, 'query'],
    ['of nothing but space', { query: ' \n' }, 'query'],
    ['of too long a query', { query: 'x'.repeat(10_001) }, 'query'],
    ['for none', { topK: 0 }, 'topK'],
    ['for too many', { topK: 101 }, 'topK'],
    ['for a half', { topK: 1.5 }, 'topK'],
    ['in another mode', { mode: 'magic' }, 'mode'],
    ['with a score beyond 1', { minScore: 1.1 }, 'minScore'],
    ['with a score below 0', { minScore: -0.1 }, 'minScore'],
    ['with a filter that is none', { filter: [] }, 'filter'],
    ['with an unknown operator', { filter: { a: { $regex: 'x' } } }, 'filter.a.$regex'],
    ['with an unknown combination', { filter: { $nor: [] } }, 'filter.$nor'],
    ['with too much in a list', { filter: { a: { $in: Array(1_001).fill(1) } } }, 'filter.a.$in'],
    ['with a filter too deep', { filter: deep(21) }, 'filter'],
    ['with what is not known', { tenantId: v7() }, 'tenantId'],
  ])('%s', async (_what, body, field) => {
    const refused = await tenant.as.post('/rag/search', { collectionIds: [id], query: 'whale', ...body });
    expect([refused.status, faultyFields(refused)]).toEqual([422, [field]]);
  });

  it('of a collection of another tenant, wherever it stands', async () => {
    const refused = await tenant.as.post('/rag/search', { collectionIds: [id, theirs], query: 'whale' }).expect(422);
    expect(faultyFields(refused)).toEqual(['collectionIds[1]']);
    expect(refused.text).not.toContain('Secret');
    expect(await titles({ query: 'whale of others sings in secret' })).not.toContain('Secret');
  });
});

function deep(levels: number): object {
  return levels === 0 ? { a: 1 } : { $not: deep(levels - 1) };
}

describe('A filter', () => {
  const ALL = Object.keys(ANIMALS);
  const but = (...left: string[]) => ALL.filter((title) => !left.includes(title));

  it.each<[object, string[]]>([
    [{}, ALL],
    [{ legs: 4 }, ['Horse']],
    [{ legs: '4' }, ['Quokka of Rottnest']],
    [{ legs: { $eq: 8 } }, ['Spider']],
    [{ home: { $ne: 'land' } }, ['Whale', 'Dolphin', 'Falcon']],
    [{ tags: { $ne: 'big' } }, but('Whale')],
    [{ tags: 'wet' }, ['Whale']],
    [{ tags: ['big', 'wet'] }, ['Whale']],
    [{ legs: { $in: [2, 8, '4'] } }, ['Spider', 'Falcon', 'Quokka of Rottnest']],
    [{ legs: { $in: [] } }, []],
    [{ legs: { $gt: 2 } }, ['Horse', 'Spider']],
    [{ legs: { $gte: 2, $lt: 8 } }, ['Horse', 'Falcon']],
    [{ legs: { $lte: 0 } }, ['Whale', 'Dolphin']],
    [{ home: { $lt: 'land' } }, ['Falcon']],
    [{ tags: { $exists: true } }, ['Whale', 'Horse', 'Falcon']],
    [{ tags: { $exists: false } }, but('Whale', 'Horse', 'Falcon')],
    [{ born: null }, ['Spider']],
    [{ born: { $exists: true } }, ['Spider']],
    [{ wild: true }, ['Falcon']],
    [{ 'a.b': 1 }, ['Whale']],
    [{ 'size.m': 30 }, []],
    [{ size: { m: 30 } }, ['Whale']],
    [{ $or: [{ legs: 8 }, { home: 'air' }] }, ['Spider', 'Falcon']],
    [{ $and: [{ home: 'sea' }, { $not: { tags: 'big' } }] }, ['Dolphin']],
    [{ home: 'sea', legs: 0, tags: 'big' }, ['Whale']],
    [{ $not: { legs: { $gte: 0 } } }, ['Quokka of Rottnest']],
    [deep(20), ALL.slice(0, 0)],
    ...[
      "legs' OR '1'='1",
      "x'; DROP TABLE rag_documents; --",
      ':tenantId',
      'a$1',
      '?',
      '',
      'constructor',
      'metadata->>legs',
      '\\',
      '{legs}',
      '\u{1F468}',
    ].map((key): [object, string[]] => [{ [key]: 1 }, []]),
  ])('%j lets through what it says, in each mode', async (filter, expected) => {
    const query = 'whale dolphins horse spider falcon smiles';
    for (const mode of ['hybrid', 'vector', 'keyword'])
      expect([mode, (await titles({ query, filter, mode })).sort()]).toEqual([mode, expected.toSorted()]);
  });
});
