import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Db } from '../src/platform/database/db.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { HookServer, isSigned, type HookAnswer } from './hook-server.js';
import { asSystem, eventually } from './platform-fixtures.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import type { Told } from './told.js';
import { askAndWait, toTheEnd } from './waiting-runs.js';
import { failing, saying } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;
let server: HookServer;
const answers = new Map<string, HookAnswer>();

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8' });
  probes = new ProbeTools(app);
  talks = new Conversations(app);
  server = await new HookServer().start();
  server.answer = ({ path }) => answers.get(path) ?? { status: 204 };
}, 60_000);
afterAll(async () => {
  server.stop();
  await app.close();
});

interface Hook {
  id: string;
  path: string;
  secret: string;
}

/** Its answers are those of a path of its own. */
async function hook(as: Client, event: string, answer: HookAnswer, part: object = {}): Promise<Hook> {
  const path = `/${randomUUID()}`;
  answers.set(path, answer);
  const made = await as.post('/hooks', { event, url: server.url + path, ...part }).expect(201);
  return { ...made.json<{ id: string; secret: string }>(), path };
}

const AGENT = { ...PROBES, tools: ['probe:*', 'calculator:*'] };

async function call(talk: Talk, name: string, input: object): Promise<Told['results'][number] | undefined> {
  const told = await talks.ask(talk, [{ steps: [{ toolUse: { name, input: { ...input } } }] }, saying('So')]);
  return told.results[0];
}

const OLD = randomUUID();

/** Of the events that hooks of the tenant have still to be told of. */
async function owed({ tenantId }: Talk): Promise<string[]> {
  const text = "SELECT event_id AS id FROM outbox WHERE tenant_id = :tenantId AND consumer = 'hooks'";
  return (await asSystem<{ id: string }>(app.nest.get(Db), text, { tenantId })).map(({ id }) => id);
}

const messageIds = (path: string) => server.at(path).map(({ headers }) => String(headers['webhook-id']));

const say = (talk: Talk, words: string) => call(talk, 'probe__say', { words });

describe('Hooks of a tool that the application carries out', () => {
  it('are asked before and after, as of any other', async () => {
    const talk = await talks.start();
    const clientTools = [{ name: 'show', description: 'Shows', inputSchema: { type: 'object' } }];
    const { id: sessionId } = (await talk.as.post('/sessions', { agentId: talk.agentId, clientTools })).json<{
      id: string;
    }>();
    await hook(talk.as, 'tool.before', { body: { input: { page: 'redacted' } } });
    const after = await hook(talk.as, 'tool.after', { status: 500 }, { onError: 'deny' });
    const { run, pendingToolCalls } = await askAndWait(app, { as: talk.as, sessionId }, [
      'client__show',
      { page: 'secret' },
    ]);
    expect(pendingToolCalls).toMatchObject([{ name: 'client:show', input: { page: 'redacted' } }]);
    const result = { toolUseId: pendingToolCalls[0]?.toolUseId, content: 'what was shown' };
    await talk.as.post(`/runs/${run.id}/tool-results`, result).expect(200);
    const end = await toTheEnd(talk.as, run.id);
    expect(end.results).toMatchObject([{ isError: true, output: expect.stringContaining('The result is kept back') }]);
    expect(server.at(after.path)).toHaveLength(1);
    expect(server.at(after.path)[0]?.body).toMatchObject({ tool: 'client:show', output: 'what was shown' });
    expect(JSON.stringify(end.events)).not.toContain('what was shown');
  });
});

describe('A hook before a call', () => {
  it('is sent what is called, signed with the secret that was shown once', async () => {
    const talk = await talks.start(AGENT);
    const { path, secret, id } = await hook(talk.as, 'tool.before', { status: 204 });
    expect(await say(talk, 'hello')).toMatchObject({ isError: false, output: 'hello' });
    const [request] = server.at(path);
    expect(server.at(path)).toHaveLength(1);
    expect(request?.headers['content-type']).toBe('application/json');
    expect(isSigned(request!, secret)).toBe(true);
    const { sessionId } = talk;
    expect(request?.body).toEqual({
      ...{ event: 'tool.before', tool: 'probe:say', input: { words: 'hello' }, sessionId },
      ...{ runId: expect.any(String), executionId: expect.any(String) },
    });
    const shown = [await talk.as.get(`/hooks/${id}`), await talk.as.get('/hooks'), await talk.as.get('/audit-logs')];
    for (const { text } of shown) expect(text).not.toMatch(/whsec_|secret/i);
  });

  it('may deny it, with a reason that the model reads', async () => {
    const talk = await talks.start(AGENT);
    await hook(talk.as, 'tool.before', { body: { decision: 'deny', reason: 'Not on a Sunday' } });
    const words = randomUUID();
    expect(await say(talk, words)).toMatchObject({ isError: true, output: 'Not on a Sunday' });
    expect(probes.count('say', words)).toBe(0);
  });

  it('may change the input, which the next one sees, and which has to fit', async () => {
    const talk = await talks.start(AGENT);
    const first = await hook(talk.as, 'tool.before', { body: { input: { a: 20, b: 2 } } });
    const second = await hook(talk.as, 'tool.before', { body: {} });
    expect(await call(talk, 'calculator__add', { a: 1, b: 2 })).toMatchObject({ isError: false, output: '22' });
    expect(server.at(second.path)[0]?.body['input']).toEqual({ a: 20, b: 2 });
    answers.set(first.path, { body: { input: { a: 'none' } } });
    const refused = await call(talk, 'calculator__add', { a: 1, b: 2 });
    expect(refused).toMatchObject({ isError: true, output: expect.stringMatching(/does not fit/) });
  });

  it('gives nothing that could not be stored', async () => {
    const talk = await talks.start(AGENT);
    const { path } = await hook(talk.as, 'tool.before', { body: { input: { words: 'a\u0000b\ud800' } } });
    expect(await say(talk, 'hello')).toMatchObject({ isError: false, output: 'ab\ufffd' });
    const reason = `No\u0000${'x'.repeat(996)}\u{1f600}`;
    answers.set(path, { body: { decision: 'deny', reason } });
    const output = `No${'x'.repeat(996)}\ufffd`;
    expect(await say(talk, 'hello')).toMatchObject({ isError: true, output });
  });

  it('is asked only about the tools it names', async () => {
    const talk = await talks.start(AGENT);
    const { path } = await hook(talk.as, 'tool.before', { status: 204 }, { tools: ['calculator:*', '*:nothing'] });
    await say(talk, 'hello');
    await call(talk, 'calculator__add', { a: 1, b: 2 });
    expect(server.at(path).map(({ body }) => body['tool'])).toEqual(['calculator:add']);
  });

  const WRONG: [string, HookAnswer][] = [
    ['no answer', 'never'],
    ['an error', { status: 500, body: {} }],
    ['a redirect', { status: 307, headers: { location: '/elsewhere' } }],
    ['a redirect by 303', { status: 303, headers: { location: '/elsewhere' } }],
    ['what is no JSON', { text: 'fine' }],
    ['nothing', { text: '' }],
    ['a list', { body: [] }],
    ['an unknown decision', { body: { decision: 'perhaps' } }],
    ['both at once', { body: { decision: 'deny', input: {} } }],
    ['an input that is none', { body: { input: 'words' } }],
    ['too much', { body: { input: { words: 'x'.repeat(1_100_000) } } }],
  ];

  it.each(WRONG)('that gives %s counts as its onError says', async (_what, answer) => {
    const talk = await talks.start(AGENT);
    const short = { timeoutMs: 300 };
    const strict = await hook(talk.as, 'tool.before', answer, short);
    const denied = await say(talk, 'gated');
    expect(denied).toMatchObject({ isError: true, output: expect.stringContaining('could not be asked') });
    await talk.as.patch(`/hooks/${strict.id}`, { onError: 'allow' }).expect(200);
    expect(await say(talk, 'allowed')).toMatchObject({ isError: false, output: 'allowed' });
    expect(server.at('/elsewhere')).toHaveLength(0);
  });
});

describe('A hook before a call that is made directly', () => {
  it('may deny it and change its input too', async () => {
    const { as } = await talks.given.tenant();
    const { id, path } = await hook(as, 'tool.before', { body: { decision: 'deny', reason: 'Not so' } });
    const body = { serverId: 'calculator', tool: 'add', arguments: { a: 1, b: 2 } };
    expect((await as.post('/mcp/execute', body).expect(403)).json()).toMatchObject({ message: 'Not so' });
    answers.set(path, { body: { decision: 'deny', reason: 'Not\u0000 so' } });
    expect((await as.post('/mcp/execute', body).expect(403)).json()).toMatchObject({ message: 'Not so' });
    answers.set(path, { body: { input: { a: 40, b: 2 } } });
    const answer = (await as.post('/mcp/execute', body).expect(200)).json();
    expect(answer).toMatchObject({ isError: false, content: [{ type: 'text', text: '42' }] });
    expect(server.at(path)[2]?.body).toMatchObject({
      executionId: answer['executionId'],
      runId: null,
      sessionId: null,
    });
    await as.delete(`/hooks/${id}`).expect(204);
  });
});

describe('A hook after a call', () => {
  it('is sent the result', async () => {
    const talk = await talks.start(AGENT);
    const { path, secret } = await hook(talk.as, 'tool.after', { body: {} });
    await call(talk, 'calculator__divide', { a: 1, b: 0 });
    const [request] = server.at(path);
    expect(isSigned(request!, secret)).toBe(true);
    expect(request?.body).toMatchObject({ event: 'tool.after', output: 'Division by zero', isError: true });
    await call(talk, 'calculator__add', { a: 1, b: 0 });
    expect(new Set(messageIds(path)).size).toBe(2);
  });

  it('that fails lets the result through, or keeps it back where it is to', async () => {
    const talk = await talks.start(AGENT);
    const { id } = await hook(talk.as, 'tool.after', { body: { decision: 'deny' } });
    expect(await say(talk, 'shown')).toMatchObject({ isError: false, output: 'shown' });
    await talk.as.patch(`/hooks/${id}`, { onError: 'deny' }).expect(200);
    const kept = await say(talk, 'hidden');
    expect(kept).toMatchObject({ isError: true, output: expect.stringContaining('kept back') });
    expect(kept?.output).not.toContain('hidden');
  });
});

describe('Hooks of runs', () => {
  it('are told of the beginning and the end', async () => {
    const talk = await talks.start(AGENT);
    const [started, completed] = [
      await hook(talk.as, 'run.started', { status: 204 }),
      await hook(talk.as, 'run.completed', { status: 204 }),
    ];
    const { run } = await talks.ask(talk, [saying('Hello')]);
    await eventually(
      () => server.at(completed.path).length,
      (count) => count > 0,
    );
    expect(server.at(started.path).map(({ body }) => body)).toMatchObject([
      { event: 'run.started', run: { id: run.id, sessionId: talk.sessionId } },
    ]);
    expect(server.at(completed.path).map(({ body }) => body)).toMatchObject([
      { event: 'run.completed', run: { id: run.id, status: 'completed' } },
    ]);
  });

  it('are told of the end until they take it, by the same id, and those that took it not again', async () => {
    const talk = await talks.start(AGENT);
    const away = await hook(talk.as, 'run.completed', { status: 500 }, { onError: 'allow' });
    const there = await hook(talk.as, 'run.completed', { text: 'OK' });
    const gone = await hook(talk.as, 'run.completed', { status: 500 });
    const { run } = await talks.ask(talk, [saying('Hello')]);
    for (const tries of [1, 2]) {
      await eventually(
        () => server.at(away.path).length,
        (count) => count === tries,
      );
    }
    await talk.as.delete(`/hooks/${gone.id}`).expect(204);
    answers.set(away.path, { status: 204 });
    await eventually(
      () => owed(talk),
      (left) => left.length === 0,
    );
    const requests = server.at(away.path);
    expect(requests.length).toBeGreaterThanOrEqual(3);
    expect(requests.every((request) => isSigned(request, away.secret))).toBe(true);
    expect(new Set(requests.map(({ raw }) => raw)).size).toBe(1);
    expect(requests[0]?.body).toMatchObject({ event: 'run.completed', run: { id: run.id, status: 'completed' } });
    const ids = [away, there].map(({ path }) => new Set(messageIds(path)));
    expect(ids.map(({ size }) => size)).toEqual([1, 1]);
    expect(ids[0]).not.toEqual(ids[1]);
    expect(server.at(there.path)).toHaveLength(1);
  }, 60_000);

  it('that are not told of the end of runs that fail, nor have been away for days, cost no more tries', async () => {
    const talk = await talks.start(AGENT);
    const { path, id } = await hook(talk.as, 'run.completed', { status: 500 });
    expect((await talks.ask(talk, [failing(400, {}, 'no')])).run.status).toBe('failed');
    expect(await owed(talk)).toEqual([]);
    const { run } = await talks.ask(talk, [saying('Hello')]);
    await asSystem(
      app.nest.get(Db),
      `WITH event AS (
         INSERT INTO events (tenant_id, id, at, action, actor_type, resource_type, resource_id, correlation_id, payload)
         VALUES (:tenantId, :eventId, now() - interval '73 hours', 'hook.runCompleted', 'job', 'hook', :id, 'x', :payload)
         RETURNING tenant_id, id)
       INSERT INTO outbox (tenant_id, event_id, consumer) SELECT tenant_id, id, 'hooks' FROM event`,
      {
        tenantId: talk.tenantId,
        eventId: OLD,
        id,
        payload: JSON.stringify({ runId: run.id, sessionId: run.sessionId }),
      },
    );
    await eventually(
      () => messageIds(path),
      (ids) => ids.includes(OLD),
    );
    await eventually(
      () => owed(talk),
      (left) => !left.includes(OLD),
    );
    expect(messageIds(path).filter((message) => message === OLD)).toHaveLength(1);
  });

  it('that fail at the beginning fail the run where they are to', async () => {
    const talk = await talks.start(AGENT);
    await hook(talk.as, 'run.started', { status: 500 }, { onError: 'deny' });
    const { run } = await talks.ask(talk, []);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'authorization_error' } });
    expect(talks.sent(talk.model)).toHaveLength(0);
  });
});

describe('A hook', () => {
  it('is not called for another tenant, while disabled, or once deleted', async () => {
    const [talk, other] = [await talks.start(AGENT), await talks.start(AGENT)];
    const { id, path } = await hook(talk.as, 'tool.before', { status: 204 });
    await say(other, 'elsewhere');
    expect(server.at(path)).toHaveLength(0);
    await say(talk, 'one');
    await talk.as.patch(`/hooks/${id}`, { enabled: false }).expect(200);
    await say(talk, 'two');
    await talk.as.patch(`/hooks/${id}`, { enabled: null }).expect(200);
    await say(talk, 'three');
    await talk.as.delete(`/hooks/${id}`).expect(204);
    await say(talk, 'four');
    await talk.as.get(`/hooks/${id}`).expect(404);
    await other.as.get(`/hooks/${id}`).expect(404);
    expect(server.at(path).map(({ body }) => body['input'])).toEqual([{ words: 'one' }, { words: 'three' }]);
  });

  it('has defaults, and takes them again', async () => {
    const { as } = await talks.given.tenant();
    const url = `${server.url}/x`;
    const before = (await as.post('/hooks', { event: 'tool.before', url }).expect(201)).json();
    expect(before).toMatchObject({
      ...{ event: 'tool.before', url, tools: null, timeoutMs: 5000, onError: 'deny', enabled: true },
      secret: expect.stringMatching(/^whsec_/),
    });
    const after = (await as.post('/hooks', { event: 'tool.after', url, timeoutMs: 100, tools: ['a:*'] })).json();
    expect(after).toMatchObject({ onError: 'allow', timeoutMs: 100, tools: ['a:*'] });
    const path = `/hooks/${String(after['id'])}`;
    const changed = (await as.patch(path, { timeoutMs: null, tools: null, onError: 'deny' }).expect(200)).json();
    expect(changed).toMatchObject({ onError: 'deny', timeoutMs: 5000, tools: null, url });
    expect((await as.get('/hooks?limit=1').expect(200)).json()).toMatchObject({ data: [{ id: after['id'] }] });
  });

  it.each<[object, string]>([
    [{ event: 'tool.during' }, 'event'],
    [{ url: 'nowhere' }, 'url'],
    [{ url: 'ftp://example.com' }, 'url'],
    [{ url: 'https://user:pw@example.com' }, 'url'],
    [{ url: 'http://10.0.0.1/' }, 'url'],
    [{ url: 'http://[::ffff:a9fe:a9fe]/latest' }, 'url'],
    [{ url: 'http://2852039166/' }, 'url'],
    [{ timeoutMs: 99 }, 'timeoutMs'],
    [{ timeoutMs: 30_001 }, 'timeoutMs'],
    [{ onError: 'ask' }, 'onError'],
    [{ tools: [] }, 'tools'],
    [{ event: 'run.started', tools: ['a:*'] }, 'tools'],
    [{ secret: 'whsec_mine' }, 'secret'],
  ])('is refused with %j', async (part, field) => {
    const { as } = await talks.given.tenant();
    const body = { event: 'tool.before', url: 'https://example.com/hook', ...part };
    expect(faultyFields(await as.post('/hooks', body).expect(422))).toEqual([field]);
  });

  it('is made by admins, and read by all', async () => {
    const tenant = await talks.given.tenant();
    const body = { event: 'tool.before', url: 'https://example.com/' };
    const { id } = (await tenant.as.post('/hooks', body).expect(201)).json<{ id: string }>();
    const viewer = (await talks.given.member(tenant, 'viewer')).as;
    await viewer.get(`/hooks/${id}`).expect(200);
    for (const role of ['viewer', 'member'] as const) {
      const { as } = await talks.given.member(tenant, role);
      await as.post('/hooks', body).expect(403);
      await as.patch(`/hooks/${id}`, {}).expect(403);
      await as.delete(`/hooks/${id}`).expect(403);
    }
  });
});

describe('Where the private network is closed', () => {
  let closed: TestApp;
  let closedTalks: Conversations;
  beforeAll(async () => {
    closed = await startApp(manyModels());
    closedTalks = new Conversations(closed);
    new ProbeTools(closed);
  }, 60_000);
  afterAll(() => closed.close());

  it('no hook leads there by its address, nor by its name', async () => {
    const talk = await closedTalks.start(AGENT);
    for (const url of [server.url, `http://localhost:${server.port}`]) {
      expect(faultyFields(await talk.as.post('/hooks', { event: 'tool.before', url }).expect(422))).toEqual(['url']);
    }
    // The machine's own name stands for an address of its own.
    const everywhere = await new HookServer().start('0.0.0.0');
    const url = `http://${hostname()}:${everywhere.port}/`;
    await talk.as.post('/hooks', { event: 'tool.before', url }).expect(201);
    const told = await closedTalks.ask(talk, [
      { steps: [{ toolUse: { name: 'probe__say', input: { words: 'hello' } } }] },
      saying('So'),
    ]);
    everywhere.stop();
    expect(told.results).toMatchObject([{ isError: true, output: expect.stringContaining('could not be asked') }]);
    expect(everywhere.requests).toHaveLength(0);
  });
});

(process.env['TEST_REDIS_URL'] ? describe : describe.skip)('Where there are several processes', () => {
  let other: TestApp;
  beforeAll(async () => {
    other = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8' }, app.store);
    new ProbeTools(other);
  }, 60_000);
  afterAll(() => other.close());

  it('a hook that one of them makes or deletes is one, or none, for all', async () => {
    const talk = await talks.start(AGENT);
    // Whichever of them takes a run knows by now that there are none.
    for (let n = 0; n < 4; n++) expect(await say(talk, `before ${n}`)).toMatchObject({ isError: false });
    const there = new Client(other.url, talk.owner.accessToken);
    const { id } = await hook(there, 'tool.before', { body: { decision: 'deny', reason: 'Never' } });
    await eventually(
      () => say(talk, 'while'),
      (result) => result?.output === 'Never',
    );
    for (let n = 0; n < 4; n++) expect(await say(talk, `while ${n}`)).toMatchObject({ output: 'Never' });
    await there.delete(`/hooks/${id}`).expect(204);
    await eventually(
      () => say(talk, 'after'),
      (result) => result?.output === 'after',
    );
  });
});
