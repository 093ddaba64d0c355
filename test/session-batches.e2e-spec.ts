import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { faultyFields, type Ids, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Given } from './given.js';
import { eventually } from './platform-fixtures.js';
import { TestSocket } from './sockets.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
}, 60_000);
afterAll(() => app.close());

interface Made {
  data: { id: string; title: string | null }[];
}

const bulk = (as: Client, bodies: unknown) => as.post('/sessions/bulk-create', bodies);
const count = async (as: Client) => (await as.get('/sessions?limit=100').expect(200)).json<Ids>().data.length;
const titled = (many: number) => Array.from({ length: many }, (_, index) => ({ title: `Session ${index}` }));
const made = async (as: Client, many: number) =>
  (await bulk(as, titled(many)).expect(201)).json<Made>().data.map(({ id }) => id);

describe('Sessions made in one request', () => {
  it('are shown in the order of their bodies, as they are then', async () => {
    const { as, agentId, owner } = await given.agent();
    const templateId = (
      await as.post('/session-templates', { name: 'T', title: 'From a template' }).expect(201)
    ).json()['id'];
    const bodies = [{ title: 'First', agentId }, {}, { templateId }, { templateId, title: 'Own', context: { a: 1 } }];
    const answer = await bulk(as, bodies).expect(201);
    const { data } = answer.json<Made>();
    expect(data.map(({ title }) => title)).toEqual(['First', null, 'From a template', 'Own']);
    expect(data[0]).toMatchObject({ agentId, createdBy: owner.userId, status: 'created' });
    for (const session of data) expect((await as.get(`/sessions/${session.id}`).expect(200)).json()).toEqual(session);
    const listed = (await as.get('/sessions').expect(200)).json<Ids>().data.map(({ id }) => id);
    expect(listed).toEqual(data.map(({ id }) => id).reverse());
  });

  it('can be a hundred, each with its event', async () => {
    const { as } = await given.tenant();
    const { data } = (await bulk(as, titled(100)).expect(201)).json<Made>();
    expect(data.map(({ title }) => title)).toEqual(titled(100).map(({ title }) => title));
    const log = await as.get('/audit-logs?action=session.created&limit=100').expect(200);
    const told = log.json<Listed<{ resourceId: string }>>().data.map(({ resourceId }) => resourceId);
    expect(told.sort()).toEqual(data.map(({ id }) => id).sort());
  });

  it('are none when one of the bodies is bad', async () => {
    const { as, agentId } = await given.agent();
    const foreign = await given.agent();
    const theirTemplate = (await foreign.as.post('/session-templates', { name: 'T' }).expect(201)).json()['id'];
    const good = { agentId };
    const bad: [string[], unknown[]][] = [
      [['[3].agentId'], [good, good, good, { agentId: foreign.agentId }]],
      [['[1].agentId'], [good, { agentId: v7() }]],
      [['[0].model'], [{ model: 'gpt-0' }, good]],
      [['[1].templateId'], [good, { templateId: theirTemplate }]],
      [['[1].title'], [good, { title: 7 }]],
      [['[0].nosuch'], [{ nosuch: 1 }]],
      [['[2].clientTools[0].name'], [good, good, { clientTools: [{ name: '', description: '', inputSchema: {} }] }]],
      [
        ['[0].title', '[1].pattern'],
        [{ title: [] }, { pattern: 'x' }],
      ],
      [
        ['[0].agentId', '[1].templateId'],
        [{ agentId: v7() }, { templateId: v7() }],
      ],
      [['[1].context'], [good, { context: { text: 'x'.repeat(70_000) } }]],
      [['[1]'], [good, null]],
      [
        ['[0]', '[1]', '[2]'],
        ['text', [], 3],
      ],
      [['body'], []],
      [['body'], titled(101)],
    ];
    for (const [fields, bodies] of bad) {
      expect([bodies.length, faultyFields(await bulk(as, bodies).expect(422)).sort()]).toEqual([bodies.length, fields]);
    }
    for (const body of [{ data: [good] }, good, '"text"', 'null', '1']) {
      expect(faultyFields(await bulk(as, body).expect(422))).toEqual(['body']);
    }
    expect(faultyFields(await bulk(as, '[{},{"title":"\\u0000"}]').expect(422))).toEqual(['[1].title']);
    await bulk(as, undefined).expect(422);
    expect(await count(as)).toBe(0);
  });

  it('name what is wrong by its place, with its own message', async () => {
    const { as } = await given.tenant();
    const refused = (await bulk(as, [{}, { model: 'gpt-0' }]).expect(422)).json<{
      validationErrors: { message: string }[];
    }>();
    expect(refused.validationErrors[0]?.message).toMatch(/^\[1\]\.model must be one of the known models: /);
  });

  it('need the permission to make one', async () => {
    const tenant = await given.tenant();
    const { as } = await given.member(tenant, 'viewer');
    await bulk(as, [{}]).expect(403);
    await as.post('/sessions/bulk-delete', { ids: [v7()] }).expect(403);
  });

  it('are answered again with their key as they are now, without those deleted, and 404 without any', async () => {
    const { as } = await given.tenant();
    const key = { 'idempotency-key': v7() };
    const first = (await as.post('/sessions/bulk-create', titled(3), key).expect(201)).json<Made>();
    const [one, two, three] = first.data.map(({ id }) => id);
    await as.delete(`/sessions/${String(two)}`).expect(204);
    await as.patch(`/sessions/${String(three)}`, { title: 'Now' }).expect(200);
    const again = await as.post('/sessions/bulk-create', titled(3), key).expect(201);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.json<Made>().data).toEqual([first.data[0], expect.objectContaining({ id: three, title: 'Now' })]);
    expect(await count(as)).toBe(2);
    await as.post('/sessions/bulk-delete', { ids: [one, three] }).expect(204);
    await as.post('/sessions/bulk-create', titled(3), key).expect(404);
  });
});

describe('Sessions deleted in one request', () => {
  const remove = (as: Client, ids: unknown) => as.post('/sessions/bulk-delete', { ids });

  it('are gone, with their messages, and each has its event', async () => {
    const { as } = await given.tenant();
    const [kept, ...ids] = await made(as, 4);
    await remove(as, [...ids.slice(1), String(ids[0]).toUpperCase()]).expect(204);
    for (const id of ids) {
      await as.get(`/sessions/${id}`).expect(404);
      await as.get(`/sessions/${id}/messages`).expect(404);
    }
    expect((await as.get('/sessions').expect(200)).json<Ids>().data.map(({ id }) => id)).toEqual([kept]);
    const log = (await as.get('/audit-logs?action=session.deleted').expect(200)).json<Listed<{ resourceId: string }>>();
    expect(log.data.map(({ resourceId }) => resourceId).sort()).toEqual(ids.sort());
  });

  it('are none when one of them is not there for the caller', async () => {
    const tenant = await given.tenant();
    const { as } = await given.member(tenant, 'member');
    const [one, two] = await made(as, 2);
    const [hidden] = await made(tenant.as, 1);
    const [foreign] = await made((await given.tenant()).as, 1);
    const [deleted] = await made(as, 1);
    await as.delete(`/sessions/${String(deleted)}`).expect(204);
    for (const other of [v7(), hidden, foreign, deleted]) {
      expect(faultyFields(await remove(as, [one, two, other]).expect(422))).toEqual(['ids[2]']);
    }
    expect(faultyFields(await remove(as, [foreign, one, hidden]).expect(422))).toEqual(['ids[0]', 'ids[2]']);
    expect(await count(as)).toBe(2);
    expect(await count(tenant.as)).toBe(3);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no list', 'x'],
    ['an empty list', []],
    ['what is no id', ['x']],
    ['a null', [null]],
    ['a list in a list', [['018f0000-0000-7000-8000-000000000000']]],
    ['the same twice', ['018F0000-0000-7000-8000-000000000000', '018f0000-0000-7000-8000-000000000000']],
    ['too many', Array.from({ length: 101 }, () => v7())],
  ])('are not those of %s', async (_what, ids) => {
    const { as } = await given.tenant();
    expect(faultyFields(await remove(as, ids).expect(422))).toEqual(['ids']);
  });

  it('are none while a run is on in one of them', async () => {
    const { as } = await given.tenant();
    const [idle, busy] = await made(as, 2);
    await as.patch(`/sessions/${String(busy)}`, { model: 'claude-haiku-4-5' }).expect(200);
    app.upstream.enqueue({ silent: true });
    const sent = await as.post(`/sessions/${String(busy)}/messages`, { content: 'Hi', background: true }).expect(202);
    const runId = sent.json<{ run: { id: string } }>().run.id;
    expect((await remove(as, [idle, busy]).expect(409)).json()).toMatchObject({ code: 'run_in_progress' });
    await as.get(`/sessions/${String(idle)}`).expect(200);
    await eventually(
      () => app.upstream.calls,
      (calls) => calls > 0,
    );
    await as.post(`/runs/${runId}/cancel`).expect(200);
    await remove(as, [idle, busy]).expect(204);
  });

  it('are shown no further to those who look at them', async () => {
    const { as, owner } = await given.tenant();
    const [first, second] = await made(as, 2);
    const socket = await TestSocket.connect(app.url, owner.accessToken);
    try {
      for (const sessionId of [first, second]) {
        expect(await socket.say('session.join', { sessionId })).toMatchObject({ ok: true });
      }
      await remove(as, [first, second]).expect(204);
      for (const sessionId of [first, second]) {
        expect(await socket.say('session.join', { sessionId })).toMatchObject({
          ok: false,
          error: { code: 'not_found' },
        });
      }
    } finally {
      socket.close();
    }
  });
});
