import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from './client.js';
import { Given } from './given.js';
import { FakeMcp } from './mcp/fake-mcp.js';
import { eventually } from './platform-fixtures.js';
import { startServer, type Server } from './server.js';
import { createTestStore, type TestStore } from './test-store.js';

const onServices = process.env['TEST_REDIS_URL'] === undefined ? describe.skip : describe;

onServices('A server that is used by several processes', () => {
  const far = new FakeMcp();
  let store: TestStore;
  let servers: Server[] = [];
  let [here, there]: Client[] = [];

  beforeAll(async () => {
    store = await createTestStore();
    await far.start();
    const kept = { ...store, drop: () => Promise.resolve() };
    servers = await Promise.all([1, 2].map(() => startServer({ EGRESS_ALLOW: '127.0.0.0/8' }, kept)));
    const urls = servers.map(({ url }) => url);
    const { owner } = await new Given({ url: urls[0] ?? '' }).tenant();
    [here, there] = urls.map((url) => new Client(url, owner.accessToken));
  }, 120_000);
  afterAll(async () => {
    for (const server of servers) await server.kill();
    await far.stop();
    await store.drop();
  }, 60_000);

  it('is left by all of them when its row changes in one', async () => {
    const body = { name: 'far', transport: 'http', url: far.url, headers: { 'X-Key': 'of-today' } };
    const { id } = (await here!.post('/mcp/servers', body).expect(201)).json<{ id: string }>();
    for (const as of [here, there]) await as!.get(`/mcp/servers/${id}/discover`).expect(200);
    await eventually(
      () => far.listeners,
      (count) => count === 2,
    );
    await here!.patch(`/mcp/servers/${id}`, { headers: { 'X-Key': 'of-tomorrow' } }).expect(200);
    await eventually(
      () => far.listeners,
      (count) => count === 0,
    );
    await there!.get(`/mcp/servers/${id}/discover`).expect(200);
    expect(far.heard.at(-1)?.headers['x-key']).toBe('of-tomorrow');
    // What one of them has read of its tools the other one knows.
    const known = (await here!.get(`/mcp/servers/${id}/tools`).expect(200)).json<{ data: unknown[] }>();
    expect(known.data).toHaveLength(1);
  });
});
