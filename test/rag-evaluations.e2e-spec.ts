import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import type { EvaluationDto } from '../src/modules/rag/evaluations/evaluations.dto.js';
import { faultyFields, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { collection, givenText, readyText, settled } from './collections.js';
import { Given, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import { startServer } from './server.js';

let app: TestApp;
let given: Given;
let tenant: Tenant;
let other: Tenant;
let id: string;
let empty: string;
/** Documents. */
let zebra: string;
let cats: string;
let lions: string;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  [tenant, other] = [await given.tenant(), await given.tenant()];
  ({ id } = await collection(tenant.as));
  ({ id: empty } = await collection(tenant.as));
  const made = [
    await readyText(tenant.as, id, 'A zebra has stripes.', { title: 'Zebra' }),
    await readyText(tenant.as, id, 'Lions and tigers: a lion hunts, a tiger hunts.', { title: 'Cats' }),
    await readyText(tenant.as, id, `The lion sleeps. ${'It is quiet in the grass tonight. '.repeat(5)}`, {
      title: 'Song',
    }),
  ];
  [zebra, cats, lions] = made.map((document) => document.id) as [string, string, string];
}, 60_000);
afterAll(() => app.close());

async function asked(body: object, as = tenant.as): Promise<EvaluationDto> {
  const answer = await as.post('/rag/evaluations', { collectionIds: [id], ...body }).expect(202);
  return answer.json<{ evaluation: EvaluationDto }>().evaluation;
}

async function ended({ id: of }: EvaluationDto, as = tenant.as): Promise<EvaluationDto> {
  return eventually(
    async () => (await as.get(`/rag/evaluations/${of}`).expect(200)).json<EvaluationDto>(),
    ({ status }) => status === 'completed' || status === 'failed',
    60_000,
  );
}

const ALL = { ndcgAt10: 1, recallAt10: 1, recallAt100: 1, mrr: 1 };
const NONE = { ndcgAt10: 0, recallAt10: 0, recallAt100: 0, mrr: 0 };

describe('An evaluation', () => {
  it('waits, and then has figures as they are computed by hand', async () => {
    const cases = [
      { query: 'zebra', relevant: [zebra] },
      { query: 'zebra', relevant: [lions] },
      // One of two is found, as the first: 1 / (1 + 1 / log2 3).
      { query: 'stripes', relevant: [zebra, cats] },
      // Found as the second: 1 / log2 3.
      { query: 'lion tiger', relevant: [lions.toUpperCase()] },
    ];
    const evaluation = await asked({ name: 'First', cases, modes: ['keyword'] });
    expect(evaluation).toMatchObject({
      ...{ name: 'First', status: 'queued', progress: 0, cases: 4, collectionIds: [id], modes: ['keyword'] },
      ...{ metrics: {}, error: null, createdBy: tenant.owner.userId, finishedAt: null },
    });
    const done = await ended(evaluation);
    expect(done).toMatchObject({ id: evaluation.id, status: 'completed', progress: 1, error: null });
    expect(done.metrics).toEqual({ keyword: { ndcgAt10: 0.561, recallAt10: 0.625, recallAt100: 0.625, mrr: 0.625 } });
    expect(done.finishedAt).not.toBeNull();
  });

  it('is of all modes unless said otherwise', async () => {
    const cases = [{ query: 'zebra stripes', relevant: [zebra] }];
    const { metrics } = await ended(await asked({ cases }));
    expect(metrics).toEqual({ hybrid: ALL, vector: ALL, keyword: ALL });
    const two = await ended(await asked({ cases, modes: ['vector', 'hybrid'] }));
    expect(two.metrics).toEqual({ hybrid: ALL, vector: ALL });
    const nothing = await ended(await asked({ cases, modes: ['keyword'], collectionIds: [empty, id] }));
    expect(nothing.metrics).toEqual({ keyword: ALL });
  });

  it('counts a document once, by its best piece', async () => {
    const { id: cut } = await collection(tenant.as, { chunking: { strategy: 'fixed', size: 50, overlap: 0 } });
    const long = await readyText(tenant.as, cut, 'The whale sings in the deep of the sea. '.repeat(60));
    const short = await readyText(tenant.as, cut, `Once a whale came by. ${'Nothing else happened here. '.repeat(3)}`);
    expect(long.chunkCount).toBeGreaterThan(5);
    const cases = [{ query: 'whale', relevant: [short.id] }];
    const { metrics } = await ended(await asked({ cases, modes: ['keyword'], collectionIds: [cut] }));
    expect(metrics.keyword?.mrr).toBeGreaterThanOrEqual(0.5);
  });

  it('can be compared with others by what the collections were', async () => {
    const { id: changing } = await collection(tenant.as, { chunking: { strategy: 'fixed', size: 400, overlap: 0 } });
    const document = await readyText(tenant.as, changing, 'The whale sings in the deep of the sea. '.repeat(30));
    const cases = [{ query: 'whale', relevant: [document.id] }];
    const before = await ended(await asked({ cases, collectionIds: [changing] }));
    const chunking = { strategy: 'fixed', size: 50, overlap: 5 };
    await tenant.as.patch(`/rag/collections/${changing}`, { chunking, language: 'simple' }).expect(200);
    const again = await settled(tenant.as, document);
    const after = await ended(await asked({ cases, collectionIds: [changing] }));
    expect(before.settings).toEqual([
      {
        ...{ collectionId: changing, embeddingModel: 'offline', language: 'english', documentCount: 1 },
        ...{ chunkCount: document.chunkCount, chunking: { strategy: 'fixed', size: 400, overlap: 0 } },
      },
    ]);
    expect(after.settings).toMatchObject([{ chunking, language: 'simple', chunkCount: again.chunkCount }]);
    const { data } = (await tenant.as.get('/rag/evaluations?limit=2').expect(200)).json<Listed<EvaluationDto>>();
    expect(data).toEqual([after, before]);
  });

  it('may be one of many at once', async () => {
    const cases = Array.from({ length: 30 }, () => ({ query: 'zebra', relevant: [zebra] }));
    const wrong = [{ query: 'zebra', relevant: [lions] }];
    const evaluations = await Promise.all(
      Array.from({ length: 8 }, (_, at) => asked({ cases: at % 2 ? wrong : cases, modes: ['keyword'] })),
    );
    const all = await Promise.all(evaluations.map((one) => ended(one)));
    expect(all.map(({ metrics }) => metrics.keyword)).toEqual(all.map((_, at) => (at % 2 ? NONE : ALL)));
  });
});

describe('An evaluation is refused', () => {
  it.each<[string, () => object, string[]]>([
    ['without cases', () => ({ cases: [] }), ['cases']],
    ['of a list in the list', () => ({ cases: [[]] }), ['cases']],
    ['of too many', () => ({ cases: Array(1_001).fill({ query: 'a', relevant: [zebra] }) }), ['cases']],
    ['without a query', () => ({ cases: [{ query: ' ', relevant: [zebra] }] }), ['cases[0].query']],
    ['with nothing to find', () => ({ cases: [{ query: 'a', relevant: [] }] }), ['cases[0].relevant']],
    ['with the same twice', () => ({ cases: [{ query: 'a', relevant: [zebra, zebra] }] }), ['cases[0].relevant']],
    ['with what is no id', () => ({ cases: [{ query: 'a', relevant: ['x'] }] }), ['cases[0].relevant']],
    ['in no mode', () => ({ modes: [] }), ['modes']],
    ['in an unknown mode', () => ({ modes: ['magic'] }), ['modes']],
    ['in a mode twice', () => ({ modes: ['vector', 'vector'] }), ['modes']],
    ['of no collection', () => ({ collectionIds: [] }), ['collectionIds']],
    ['of an unknown collection', () => ({ collectionIds: [id, v7()] }), ['collectionIds[1]']],
    ['with figures of its own', () => ({ metrics: {} }), ['metrics']],
    [
      'with documents of nowhere and of other collections',
      () => ({
        collectionIds: [empty],
        cases: [
          { query: 'a', relevant: [v7()] },
          { query: 'a', relevant: [zebra, v7()] },
        ],
      }),
      ['cases[0].relevant[0]', 'cases[1].relevant[0]', 'cases[1].relevant[1]'],
    ],
  ])('%s', async (_what, body, fields) => {
    const cases = [{ query: 'zebra', relevant: [zebra] }];
    const refused = await tenant.as.post('/rag/evaluations', { collectionIds: [id], cases, ...body() });
    expect([refused.status, faultyFields(refused)]).toEqual([422, fields]);
  });

  it('with what is of another tenant', async () => {
    const { id: theirs } = await collection(other.as);
    const document = await givenText(other.as, theirs, 'Secret');
    const cases = [{ query: 'a', relevant: [zebra, document.id] }];
    const refused = await tenant.as.post('/rag/evaluations', { collectionIds: [id], cases }).expect(422);
    expect(faultyFields(refused)).toEqual(['cases[0].relevant[1]']);
    const alien = await tenant.as.post('/rag/evaluations', { collectionIds: [theirs], cases }).expect(422);
    expect(faultyFields(alien)).toEqual(['collectionIds[0]']);
  });
});

describe('Who sees an evaluation', () => {
  it('is who may read its collections; who may change collections asks for it', async () => {
    const [member, admin] = [await given.member(tenant, 'member'), await given.member(tenant, 'admin')];
    const cases = [{ query: 'zebra', relevant: [zebra] }];
    await member.as.post('/rag/evaluations', { collectionIds: [id], cases }).expect(403);
    const open = await asked({ cases }, admin.as);
    await member.as.get(`/rag/evaluations/${open.id}`).expect(200);
    await other.as.get(`/rag/evaluations/${open.id}`).expect(404);
    const { id: secret } = await collection(admin.as, { access: { userIds: [admin.userId] } });
    const document = await readyText(admin.as, secret, 'Zebra');
    const both = { collectionIds: [id, secret], cases: [{ query: 'zebra', relevant: [document.id] }] };
    const hidden = await ended(await asked(both, admin.as), admin.as);
    expect(hidden.status).toBe('completed');
    for (const { as } of [tenant, member]) {
      await as.get(`/rag/evaluations/${hidden.id}`).expect(404);
      const { data } = (await as.get('/rag/evaluations?limit=100').expect(200)).json<Listed<EvaluationDto>>();
      expect(data.map((one) => one.id)).not.toContain(hidden.id);
    }
    await admin.as.patch(`/rag/collections/${secret}`, { access: { userIds: [member.userId] } }).expect(200);
    await admin.as.get(`/rag/evaluations/${hidden.id}`).expect(404);
    await member.as.get(`/rag/evaluations/${hidden.id}`).expect(200);
  });
});

describe('A collection that is deleted meanwhile', () => {
  it('ends its evaluations with a message, for who asked for them', async () => {
    const { id: gone } = await collection(tenant.as);
    const document = await readyText(tenant.as, gone, 'Whales');
    const cases = Array.from({ length: 400 }, () => ({ query: 'whales', relevant: [document.id] }));
    const evaluation = await asked({ cases, collectionIds: [id, gone] });
    await tenant.as.delete(`/rag/collections/${gone}`).expect(204);
    const failed = await ended(evaluation);
    expect(failed).toMatchObject({ status: 'failed', metrics: {}, error: { code: 'collection_unavailable' } });
    expect(failed.error?.message).toMatch(/deleted/);
    const viewer = await given.member(tenant, 'viewer');
    await viewer.as.get(`/rag/evaluations/${evaluation.id}`).expect(404);
  }, 60_000);
});

describe('When its process dies', () => {
  it('another goes on from where it stood, to the same figures', async () => {
    const dying = await startServer();
    const there = new Given(dying);
    const { as, owner } = await there.tenant();
    const { id: collectionId } = await collection(as);
    const documents = [
      await readyText(as, collectionId, 'A zebra has stripes.'),
      await readyText(as, collectionId, 'A lion'),
    ];
    const cases = Array.from({ length: 450 }, (_, at) => ({
      query: at < 300 ? 'zebra' : 'giraffe',
      relevant: [documents[0]?.id],
    }));
    const evaluation = await asked({ collectionIds: [collectionId], cases, modes: ['keyword'] }, as);
    const path = `/rag/evaluations/${evaluation.id}`;
    const begun = await eventually(
      async () => (await as.get(path).expect(200)).json<EvaluationDto>(),
      ({ progress }) => progress > 0,
    );
    await dying.kill();
    expect(begun.status).toBe('running');
    const next = await startServer({}, dying.store);
    try {
      const done = await ended(evaluation, new Client(next.url, owner.accessToken));
      const third = 0.6667;
      expect(done.metrics).toEqual({ keyword: { ndcgAt10: third, recallAt10: third, recallAt100: third, mrr: third } });
    } finally {
      await next.stop();
    }
  }, 120_000);
});
