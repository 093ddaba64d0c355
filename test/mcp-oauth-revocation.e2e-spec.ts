import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Given, type Tenant } from './given.js';
import { Accounts, whoIs } from './mcp-oauth/accounts.js';
import { ProtectedServer } from './mcp-oauth/protected-server.js';

const TENANTS = { oauth: { identity: 'tenant' } };

let app: TestApp;
let given: Given;
let upstream: ProtectedServer;
let tenant: Tenant;
let accounts: Accounts;

beforeAll(async () => {
  app = await startApp({ EGRESS_ALLOW: '127.0.0.0/8,::1/128' });
  given = new Given(app);
}, 60_000);

afterAll(() => app.close());

beforeEach(async () => {
  upstream = await new ProtectedServer().start();
  accounts = new Accounts(app.url, upstream);
  tenant = await given.tenant();
});

afterEach(() => upstream.stop());

describe('What accounts have given is revoked where it came from', () => {
  it.each([
    ['is deleted', (id: string) => tenant.as.delete(`/mcp/servers/${id}`).expect(204)],
    ['has no OAuth any more', (id: string) => tenant.as.patch(`/mcp/servers/${id}`, { oauth: null }).expect(200)],
    ['is everybody’s now', (id: string) => tenant.as.patch(`/mcp/servers/${id}`, TENANTS).expect(200)],
    ['has moved', (id: string) => tenant.as.patch(`/mcp/servers/${id}`, { url: `${upstream.url}/new` }).expect(200)],
  ])('for all users of a server that %s', async (_how, change) => {
    const id = await accounts.serverWith(tenant.as, 'user');
    const member = await given.member(tenant, 'member');
    await accounts.connect(tenant.as, id, 'alice');
    await accounts.connect(member.as, id, 'bert');
    await tenant.as.patch(`/mcp/servers/${id}`, { timeoutMs: 5_000 }).expect(200);
    expect(upstream.issuer.revoked).toEqual([]);
    await change(id);
    expect(revoked()).toEqual(['access', 'access', 'refresh', 'refresh']);
    expect(upstream.issuer.living).toBe(0);
    expect(await disconnected()).toEqual([tenant.owner.userId, member.userId].sort());
  });

  it('for a member who is removed, and for nobody else', async () => {
    const id = await accounts.serverWith(tenant.as, 'user');
    const member = await given.member(tenant, 'member');
    await accounts.connect(tenant.as, id, 'alice');
    await accounts.connect(member.as, id, 'bert');
    await tenant.as.delete(`/members/${member.userId}`).expect(204);
    expect(revoked()).toEqual(['access', 'refresh']);
    expect(await disconnected()).toEqual([member.userId]);
    expect(await whoIs(tenant.as, id)).toBe('alice');
  });

  it('for an account that is connected while the server is changed', async () => {
    const id = await accounts.serverWith(tenant.as, 'tenant');
    const path = await accounts.consent(await accounts.start(tenant.as, id), 'alice');
    upstream.beforeTokens = () => tenant.as.patch(`/mcp/servers/${id}`, { oauth: null }).expect(200);
    await accounts.browser(path).expect(400);
    expect(revoked()).toEqual(['access', 'refresh']);
    expect(upstream.issuer.living).toBe(0);
  });

  it('unless that is gone, which keeps nobody from changing or deleting the server', async () => {
    const id = await accounts.serverWith(tenant.as, 'tenant');
    await accounts.connect(tenant.as, id, 'alice');
    await upstream.stop();
    await tenant.as.patch(`/mcp/servers/${id}`, { oauth: { identity: 'user' } }).expect(200);
    await tenant.as.delete(`/mcp/servers/${id}`).expect(204);
    upstream = await new ProtectedServer().start();
  });
});

/** Which kinds of tokens were. */
function revoked(): (string | undefined)[] {
  return upstream.issuer.revoked.map((token) => token.split('-')[0]).sort();
}

/** Users whose grants have ended, as the audit log has it. */
async function disconnected(): Promise<string[]> {
  const answer = await tenant.as.get('/audit-logs?limit=100&action=mcpServer.disconnected').expect(200);
  return answer
    .json<{ data: { changes: { userId: string } }[] }>()
    .data.map(({ changes }) => changes.userId)
    .sort();
}
