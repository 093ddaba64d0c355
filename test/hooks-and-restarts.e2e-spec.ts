import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Sent } from './conversations.js';
import { HookServer, isSigned } from './hook-server.js';
import { Processes } from './processes.js';
import { createTestStore } from './test-store.js';
import { saying } from './upstream/reply.js';

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

it('A hook that does not take the end of a run is told of it by another process when that one is killed', async () => {
  server.answer = () => ({ status: 500 });
  const owner = await processes.owner();
  const hook = (
    await processes.as(owner).post('/hooks', { event: 'run.completed', url: server.url }).expect(201)
  ).json<{
    secret: string;
  }>();
  processes.answers('Hi', saying('Hello'));
  const body = { model: 'claude-haiku-4-5' };
  const { id } = (await processes.as(owner).post('/sessions', body).expect(201)).json<{ id: string }>();
  const path = `/sessions/${id}/messages`;
  const { run } = (await processes.as(owner).post(path, { content: 'Hi', background: true }).expect(202)).json<Sent>();
  const { requests } = server;
  const told = async (count: number): Promise<void> => {
    const end = Date.now() + LIMIT_MS;
    while (requests.length < count && Date.now() < end) await sleep(10);
    expect(requests.length).toBeGreaterThanOrEqual(count);
  };
  await told(1);
  // So that it notes the failure: else the hook's turn comes again only half a minute later.
  await sleep(300);
  const before = requests.length;
  await processes.replaceWorker('kill');
  server.answer = () => ({ status: 204 });
  await told(before + 1);
  expect(requests.every((request) => isSigned(request, hook.secret))).toBe(true);
  expect(requests.at(-1)?.body).toMatchObject({ event: 'run.completed', run: { id: run.id, status: 'completed' } });
  expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
}, 150_000);
