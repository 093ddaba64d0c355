import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { IdempotencyRepository } from '../src/platform/http/idempotency.repository.js';
import type { Listed } from './answers.js';
import { ApiDocument } from './api-document.js';
import { startApp, type TestApp } from './app.js';
import { Client, type Answer } from './client.js';
import { Given, type Tenant } from './given.js';
import type { KeyedPost } from './keyed-post.js';
import { KEYED_POSTS, KeyedPosts, type Sent } from './keyed-posts.js';
import { eventually } from './platform-fixtures.js';
import { startServer } from './server.js';
import { FakeAnthropic } from './upstream/fake-anthropic.js';
import { failing, saying } from './upstream/reply.js';

let app: TestApp;
let given: Given;
let tenant: Tenant & { agentId: string };
let posts: KeyedPosts;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  tenant = await given.agent({ model: 'claude-haiku-4-5' });
  posts = new KeyedPosts(app, given, tenant);
}, 60_000);

afterAll(() => app.close());

const keyed = (key: string = randomUUID()) => ({ 'idempotency-key': key });
const isReplayed = ({ headers }: Answer) => headers.get('idempotent-replayed') === 'true';

/** Fields of runs, their sessions, documents and evaluations that go on changing after the first answer. */
const MOVING = new Set([
  ...['status', 'lastSeq', 'startedAt', 'finishedAt', 'attempts', 'usage', 'updatedAt'],
  ...['progress', 'chunkCount', 'metrics', 'tookMs'],
]);

/** An answer, or what a stream has told, as a client reads it. */
function told({ status, text, headers }: Answer): unknown[] {
  const isStream = headers.get('content-type')?.startsWith('text/event-stream');
  const parts = isStream ? [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data) : [text];
  return [
    status,
    ...parts
      .filter((part) => part !== '')
      .map((part) => JSON.parse(part, (name, value: unknown) => (MOVING.has(name) ? undefined : value)) as unknown),
  ];
}

function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null || value instanceof FormData) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, part]) => [name, reordered(part)]),
  );
}

describe('A POST sent again with its key', () => {
  it('is tried here for every operation that takes one', async () => {
    const { raw } = await ApiDocument.of(app.url);
    const operations = Object.values(raw.paths).flatMap((item) => Object.values(item));
    const taking = operations.filter(({ parameters }) =>
      parameters?.some(({ $ref }) => $ref?.endsWith('/IdempotencyKey')),
    );
    expect([...new Set(KEYED_POSTS.map(([operation]) => operation))].sort()).toEqual(
      taking.map(({ operationId }) => operationId).sort(),
    );
  });

  it.each(KEYED_POSTS)('to %s %s is carried out once and answered alike', async (_operation, _how, make) => {
    const { as, path, body, made } = await make(posts);
    const key = keyed();
    const first = await as.post(path, body, key);
    expect([first.status < 300, isReplayed(first)]).toEqual([true, false]);
    const before = await made();
    const again = await as.post(path, body, key);
    expect([told(again), isReplayed(again)]).toEqual([told(first), true]);
    expect(await made()).toBe(before);
    expect(told(await as.post(path, body && reordered(body), key))).toEqual(told(first));
  });

  it.each(KEYED_POSTS)('to %s %s is refused with another body', async (_operation, _how, make) => {
    const { as, path, body, made, other: otherBody = { ...body, another: 1 } } = await make(posts);
    const key = keyed();
    const first = await as.post(path, body, key);
    const before = await made();
    const other = await as.post(path, otherBody, key).expect(422);
    // Where no body is taken, that is a fault of its own.
    expect(other.json()).toMatchObject({ code: body ? 'idempotency_conflict' : 'validation_error' });
    expect([first.status < 300, await made()]).toEqual([true, before]);
  });

  it.each(KEYED_POSTS)(
    'to %s %s many times at once is carried out once',
    async (_operation, _how, make) => {
      const alone = await sentAlone(make);
      const { as, path, body, made } = await make(posts);
      const key = keyed();
      const before = await made();
      const answers = await Promise.all(Array.from({ length: 5 }, () => Promise.resolve(as.post(path, body, key))));
      const carriedOut = answers.filter((answer) => answer.status < 300 && !isReplayed(answer));
      const others = answers.filter((answer) => !carriedOut.includes(answer));
      expect(carriedOut).toHaveLength(1);
      for (const answer of others) {
        if (answer.status < 300) expect(told(answer)).toEqual(told(carriedOut[0] as Answer));
        else
          expect([answer.status, answer.json()]).toEqual([
            409,
            expect.objectContaining({ code: 'conflict', retryAfter: 1 }),
          ]);
      }
      expect((await made()) - before).toBe(alone);
    },
    30_000,
  );

  /** By how much one such request changes what is counted. */
  async function sentAlone(make: (posts: KeyedPosts) => Promise<KeyedPost>): Promise<number> {
    const { as, path, body, made } = await make(posts);
    const before = await made();
    await as.post(path, body);
    return (await made()) - before;
  }
});

describe('What is answered again', () => {
  it('is the resource as it is now, and 404 when it is gone', async () => {
    const key = keyed();
    const { id } = (await tenant.as.post('/agents', { name: 'First' }, key).expect(201)).json<{ id: string }>();
    await tenant.as.patch(`/agents/${id}`, { name: 'Second' }).expect(200);
    const again = await tenant.as.post('/agents', { name: 'First' }, key).expect(201);
    expect(again.json()).toMatchObject({ id, name: 'Second', version: 2 });
    await tenant.as.delete(`/agents/${id}`).expect(204);
    const gone = await tenant.as.post('/agents', { name: 'First' }, key).expect(404);
    expect([gone.json(), isReplayed(gone)]).toEqual([expect.objectContaining({ code: 'not_found' }), false]);
  });

  it('is a run as it has ended meanwhile, in the way it was asked for', async () => {
    const { as, path, body, made } = await posts.message({ background: true });
    const key = keyed();
    const { run } = (await as.post(path, body, key).expect(202)).json<Sent>();
    await made();
    const again = await as.post(path, body, key).expect(202);
    expect(again.json<Sent>()).toEqual({ run: expect.objectContaining({ id: run.id, status: 'completed' }) });
  });

  it('is a run that failed, too, and the model is not asked again', async () => {
    const { as, path, body } = await posts.message({});
    const key = keyed();
    app.upstream.enqueue(failing(400));
    const first = await as.post(path, body, key).expect(201);
    const { calls } = app.upstream;
    const again = await as.post(path, body, key).expect(201);
    expect(again.json<Sent>()).toMatchObject({
      message: null,
      run: { status: 'failed', error: { code: 'external_service_error' } },
    });
    expect([told(again), app.upstream.calls]).toEqual([told(first), calls]);
  });

  it('is gone with its session', async () => {
    const { as, path, body } = await posts.message({});
    const key = keyed();
    await as.post(path, body, key).expect(201);
    await as.delete(path.replace(/\/messages$/, '')).expect(204);
    await as.post(path, body, key).expect(404);
  });

  it('is for who may still ask for it', async () => {
    const person = await given.member(tenant, 'member');
    const path = `/sessions/${await posts.session(person.as)}/messages`;
    const key = keyed();
    await person.as.post(path, { content: 'Hello' }, key).expect(201);
    await tenant.as.patch(`/members/${person.userId}`, { role: 'viewer' }).expect(200);
    await person.as.post(path, { content: 'Hello' }, key).expect(403);
  });

  it('is nobody else’s: another caller, path or query is another request', async () => {
    const key = keyed();
    const other = await given.member(tenant, 'admin');
    const stranger = await given.tenant();
    const body = { name: 'Same' };
    const answers = [
      await tenant.as.post('/agents', body, key),
      await other.as.post('/agents', body, key),
      await stranger.as.post('/agents', body, key),
    ];
    expect(answers.map((answer) => [answer.status, isReplayed(answer)])).toEqual(answers.map(() => [201, false]));
    expect(new Set(answers.map((answer) => answer.json<{ id: string }>().id)).size).toBe(3);
    await tenant.as.post('/sessions', { title: 'Same' }, key).expect(201);
  });

  it('is not looked for where the answer is a credential', async () => {
    const key = keyed();
    const { email, password, slug } = { ...tenant.owner, slug: tenant.slug };
    const nobody = new Client(app.url);
    const posts: [Client, string, object, string][] = [
      [tenant.as, '/api-keys', { name: 'Key' }, 'key'],
      [nobody, '/auth/login', { email, password }, 'accessToken'],
      [tenant.as, '/auth/switch-tenant', { tenant: slug }, 'accessToken'],
    ];
    for (const [as, path, body, credential] of posts) {
      const answers = [await as.post(path, body, key), await as.post(path, body, key)];
      expect(answers.map((answer) => [path, answer.status < 300, isReplayed(answer)])).toEqual(
        answers.map(() => [path, true, false]),
      );
      expect(new Set(answers.map((answer) => answer.json()[credential])).size).toBe(2);
    }
    const { refreshToken } = await given.login(email, password);
    await nobody.post('/auth/refresh', { refreshToken }, key).expect(200);
    await nobody.post('/auth/refresh', { refreshToken }, key).expect(401);
  });
});

describe('A key', () => {
  it('is free again after an error, for any body', async () => {
    const key = keyed();
    await tenant.as.post('/agents', { name: '' }, key).expect(422);
    await tenant.as.post('/agents', '{', key).expect(400);
    const { id } = (await tenant.as.post('/agents', { name: 'Good' }, key).expect(201)).json<{ id: string }>();
    await tenant.as.post(`/agents/${id}/execute`, { message: 'Hi', sessionId: await otherSession() }, key).expect(422);
    await tenant.as.post(`/agents/${id}/execute`, { message: 'Hi' }, key).expect(200);
  });

  it('of a message to a busy session is free again', async () => {
    const { as, path } = await posts.message({});
    const { run } = await posts.hanging(as, path);
    const key = keyed();
    const busy = await as.post(path, { content: 'Second' }, key).expect(409);
    expect(busy.json()).toMatchObject({ code: 'run_in_progress' });
    await as.post(`/runs/${run.id}/cancel`).expect(200);
    const again = await as.post(path, { content: 'Another second' }, key).expect(201);
    expect(isReplayed(again)).toBe(false);
  });

  it('of a message that is being answered is held, and says so', async () => {
    const { as, path, body } = await posts.message({});
    const key = keyed();
    app.upstream.enqueue({ ...saying('Late'), delayMs: 500 });
    const before = app.upstream.calls;
    const first = Promise.resolve(as.post(path, body, key));
    await eventually(
      () => app.upstream.calls,
      (calls) => calls > before,
    );
    const second = await as.post(path, body, key).expect(409);
    expect([second.json(), second.headers.get('retry-after')]).toEqual([
      expect.objectContaining({ code: 'conflict' }),
      '1',
    ]);
    expect((await first).json<Sent>().message?.content).toBe('Late');
  });
});

/** A session of no agent. */
async function otherSession(): Promise<string> {
  return (await tenant.as.post('/sessions', {}).expect(201)).json<{ id: string }>().id;
}

describe('When the process dies before it has answered', () => {
  it.each(KEYED_POSTS.filter(([operation]) => operation.startsWith('adminTenants')))(
    'the key of %s %s leads to what was made, across tenants too',
    async (_operation, _how, make) => {
      const { as, path, body } = await make(posts);
      const key = keyed();
      const repository = app.nest.get(IdempotencyRepository, { strict: false });
      jest.spyOn(repository, 'finish').mockRejectedValueOnce(new Error('killed'));
      const first = await as.post(path, body, key);
      const { tenant: own } = (await as.get('/auth/me').expect(200)).json<{ tenant: { id: string } }>();
      await runAs(Actor.job(own.id), () =>
        app.nest
          .get(Db)
          .sql(`UPDATE idempotency_keys SET lease_until = now() WHERE tenant_id = :tenantId AND status = 'bound'`),
      );
      const again = await as.post(path, body, key);
      expect([told(again), isReplayed(again)]).toEqual([told(first), true]);
    },
  );
});

describe('When the process dies while a message is being answered', () => {
  it('the key leads to the run that another finishes', async () => {
    const upstream = await new FakeAnthropic().start();
    const environment = { ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: upstream.url };
    const dying = await startServer(environment);
    const { as, accessToken, sessionId } = await inSession(dying.url);
    upstream.enqueue({ silent: true }, saying('Done'));
    const key = keyed();
    const path = `/sessions/${sessionId}/messages`;
    const lost = as.post(path, { content: 'Hello' }, key).then(
      () => 'answered',
      () => 'cut off',
    );
    await eventually(
      () => upstream.calls,
      (calls) => calls === 1,
    );
    await dying.kill();
    expect(await lost).toBe('cut off');

    const next = await startServer(environment, dying.store);
    const again = new Client(next.url, accessToken);
    await again.post(path, { content: 'Other' }, key).expect(422);
    const answer = await freed(() => again.post(path, { content: 'Hello' }, key));
    expect([answer.status, isReplayed(answer)]).toEqual([201, true]);
    expect(answer.json<Sent>()).toMatchObject({ message: { content: 'Done' }, run: { status: 'completed' } });
    const roles = (await again.get(path).expect(200)).json<Listed<{ role: string }>>().data.map(({ role }) => role);
    expect(roles).toEqual(['user', 'assistant']);
    await next.stop();
    await upstream.stop();
  }, 60_000);

  /** The dead one's hold on the key lasts 10 s. */
  async function freed(post: () => PromiseLike<Answer>): Promise<Answer> {
    for (let tries = 0; tries < 100; tries++) {
      const answer = await post();
      if (answer.status !== 409) return answer;
      await sleep(200);
    }
    throw new Error('The key is still held');
  }

  async function inSession(url: string): Promise<{ as: Client; accessToken: string; sessionId: string }> {
    const there = new Given({ url });
    const { as, owner } = await there.tenant();
    const agentId = await there.agentOf(as, { model: 'claude-haiku-4-5' });
    const sessionId = (await as.post('/sessions', { agentId }).expect(201)).json<{ id: string }>().id;
    return { as, accessToken: owner.accessToken, sessionId };
  }
});
