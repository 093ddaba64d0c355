import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Sent } from './conversations.js';
import { HookServer, isSigned } from './hook-server.js';
import { Processes } from './processes.js';
import { createTestStore } from './test-store.js';
import { saying } from './upstream/reply.js';
import { calling } from './waiting-runs.js';

const LIMIT_MS = 60_000;

let processes: Processes;
let server: HookServer;

beforeAll(async () => {
  server = await new HookServer().start();
  const store = await createTestStore();
  const environment = { ...store.environment, EGRESS_ALLOW: '127.0.0.0/8' };
  processes = await Processes.start({ store: { ...store, environment } });
}, 120_000);
afterAll(async () => {
  server.stop();
  await processes.close();
}, 30_000);

async function come(count: number, path: string): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  while (server.at(path).length < count && Date.now() < end) await sleep(10);
  expect(server.at(path).length).toBeGreaterThanOrEqual(count);
}

it.each([
  ['run.started', 'Begin'],
  ['tool.before', 'Add'],
  ['tool.after', 'Add up'],
])(
  'A %s that was under way when its process was killed is asked again by the same id',
  async (event, words) => {
    const path = `/${event}`;
    server.answer = () => (server.at(path).length === 1 ? 'never' : { status: 204 });
    const owner = await processes.owner();
    const as = processes.as(owner);
    await as.post('/hooks', { event, url: server.url + path, timeoutMs: 30_000, onError: 'deny' }).expect(201);
    const agent = { model: 'claude-haiku-4-5', tools: ['calculator:*'] };
    const { id } = (await as.post('/sessions', agent).expect(201)).json<{ id: string }>();
    processes.alwaysAnswers(words, calling(['calculator__add', { a: 1, b: 2 }]), saying('3'));
    const body = { content: words, background: true };
    const { run } = (await as.post(`/sessions/${id}/messages`, body).expect(202)).json<Sent>();
    await come(1, path);
    await processes.replaceWorker('kill', true);
    await come(2, path);
    expect((await processes.follow(owner, run.id)).run.status).toBe('completed');
    const ids = server.at(path).map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([ids[0], ids[0]]);
  },
  150_000,
);

it('A hook that does not take the end of a run is told of it by another process when that one is killed', async () => {
  server.answer = () => ({ status: 500 });
  const owner = await processes.owner();
  const hook = (
    await processes
      .as(owner)
      .post('/hooks', { event: 'run.completed', url: `${server.url}/told` })
      .expect(201)
  ).json<{
    secret: string;
  }>();
  processes.answers('Hi', saying('Hello'));
  const body = { model: 'claude-haiku-4-5' };
  const { id } = (await processes.as(owner).post('/sessions', body).expect(201)).json<{ id: string }>();
  const path = `/sessions/${id}/messages`;
  const { run } = (await processes.as(owner).post(path, { content: 'Hi', background: true }).expect(202)).json<Sent>();
  await come(1, '/told');
  // So that it notes the failure: else the hook's turn comes again only half a minute later.
  await sleep(300);
  const before = server.at('/told').length;
  await processes.replaceWorker('kill');
  server.answer = () => ({ status: 204 });
  await come(before + 1, '/told');
  const requests = server.at('/told');
  expect(requests.every((request) => isSigned(request, hook.secret))).toBe(true);
  expect(requests.at(-1)?.body).toMatchObject({ event: 'run.completed', run: { id: run.id, status: 'completed' } });
  expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
}, 150_000);
