import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from './client.js';
import { Given, type Tenant } from './given.js';
import { Accounts, ask, whoIs } from './mcp-oauth/accounts.js';
import { ProtectedServer } from './mcp-oauth/protected-server.js';
import { startServer, type Server } from './server.js';
import { createTestStore, type TestStore } from './test-store.js';

/** Only what Redis joins may be several. */
const PROCESSES = process.env['TEST_REDIS_URL'] === undefined ? 1 : 3;

describe('An account that is connected, for the whole installation,', () => {
  const upstream = new ProtectedServer();
  let store: TestStore;
  let servers: Server[] = [];
  let tenant: Tenant;
  let everywhere: Client[];
  let accounts: Accounts;

  beforeAll(async () => {
    store = await createTestStore();
    await upstream.start();
    const kept = { ...store, drop: () => Promise.resolve() };
    const environment = { EGRESS_ALLOW: '127.0.0.0/8', LOG_LEVEL: 'trace' };
    servers = await Promise.all(Array.from({ length: PROCESSES }, () => startServer(environment, kept)));
    const [first = ''] = servers.map(({ url }) => url);
    tenant = await new Given({ url: first }).tenant();
    everywhere = servers.map(({ url }) => new Client(url, tenant.owner.accessToken));
    accounts = new Accounts(first, upstream);
  }, 120_000);
  afterAll(async () => {
    for (const server of servers) await server.stop();
    await upstream.stop();
    await store.drop();
  }, 60_000);

  it('has its token renewed once for 20 calls, stops everywhere at once, and is nowhere in the log', async () => {
    const id = await accounts.serverWith(tenant.as, 'tenant');
    upstream.issuer.expiresIn = 1;
    await accounts.connect(tenant.as, id, 'alice');
    upstream.issuer.expiresIn = 3600;
    await sleep(1_000);
    const calls = Array.from({ length: 20 }, (_, call) => whoIs(everywhere[call % PROCESSES] ?? tenant.as, id));
    expect(await Promise.all(calls)).toEqual(Array(20).fill('alice'));
    expect(upstream.issuer.asked.refresh).toBe(1);

    upstream.issuer.endAccessTokens();
    const again = Array.from({ length: 20 }, (_, call) => whoIs(everywhere[call % PROCESSES] ?? tenant.as, id));
    expect(await Promise.all(again)).toEqual(Array(20).fill('alice'));
    expect(upstream.issuer.asked.refresh).toBe(2);

    await tenant.as.delete(`/mcp/servers/${id}/oauth`).expect(204);
    for (const as of everywhere) await ask(as, id).expect(502);

    await accounts.connect(tenant.as, id, 'alice');
    upstream.issuer.endAccessTokens();
    upstream.issuer.refuses = 'refresh';
    for (const as of everywhere) await ask(as, id).expect(502);
    await upstream.stop();
    await tenant.as.post(`/mcp/servers/${id}/oauth/start`).expect(503);

    const logged = JSON.stringify(servers.map((server) => server.log()));
    expect(logged).toContain('oauth/callback');
    const secrets = [...upstream.issuer.secrets].filter((secret) => secret !== '');
    expect(secrets.filter((secret) => logged.includes(secret))).toEqual([]);
  });
});
