import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { McpGrants } from '../src/modules/mcp/oauth/mcp-grants.service.js';
import { McpServers } from '../src/modules/mcp/mcp-servers.service.js';
import { startApp, type TestApp } from './app.js';
import type { Answer, Client } from './client.js';
import { Given, type Member, type Tenant } from './given.js';
import { Accounts, ask, whoIs } from './mcp-oauth/accounts.js';
import { ProtectedServer } from './mcp-oauth/protected-server.js';

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

function serverWith(identity: 'tenant' | 'user', of: Tenant = tenant): Promise<string> {
  return accounts.serverWith(of.as, identity);
}

function consented(as: Client, id: string, person: string): Promise<string> {
  return accounts.start(as, id).then((url) => accounts.consent(url, person));
}

function connect(as: Client, id: string, person: string): Promise<Answer> {
  return accounts.connect(as, id, person);
}

async function stateOf({ userId }: Pick<Member, 'userId'>, id: string, of: Tenant = tenant) {
  return runAs(Actor.job(of.tenantId), async () =>
    app.nest.get(McpGrants).stateOf(await app.nest.get(McpServers).require(id), userId),
  );
}

describe('Connecting an account', () => {
  it('for the tenant lets every member use it', async () => {
    const id = await serverWith('tenant');
    const member = await given.member(tenant, 'member');
    expect((await ask(member.as, id).expect(502)).json()).toMatchObject({ details: { reason: 'not_connected' } });
    expect(await stateOf(member, id)).toBe('missing');
    expect((await member.as.get(`/mcp/servers/${id}/oauth`)).json()).toEqual({ identity: 'tenant', state: 'missing' });
    expect((await connect(tenant.as, id, 'alice')).json()).toEqual({ serverId: id, serverName: 'protected' });
    expect(await stateOf(member, id)).toBe('connected');
    expect(await whoIs(member.as, id)).toBe('alice');
    expect(await whoIs(tenant.as, id)).toBe('alice');
  });

  it('for a user is theirs alone', async () => {
    const id = await serverWith('user');
    const [ann, bob, carl] = [await given.member(tenant, 'member'), await given.member(tenant, 'member'), tenant.owner];
    await connect(ann.as, id, 'alice');
    await connect(bob.as, id, 'bert');
    for (let round = 0; round < 3; round++) {
      const told = await Promise.all([ann, bob].map(({ as }) => whoIs(as, id)));
      expect(told).toEqual(['alice', 'bert']);
    }
    await ask(carl.as, id).expect(502);
    expect([await stateOf(ann, id), await stateOf(carl, id)]).toEqual(['connected', 'missing']);
  });

  it('is nothing that two tenants share, whose server has one address', async () => {
    const other = await given.tenant();
    const [ours, theirs] = [await serverWith('tenant'), await serverWith('tenant', other)];
    await connect(tenant.as, ours, 'alice');
    await connect(other.as, theirs, 'zoe');
    expect([await whoIs(tenant.as, ours), await whoIs(other.as, theirs)]).toEqual(['alice', 'zoe']);
    await other.as.post(`/mcp/servers/${ours}/oauth/start`).expect(404);
    await other.as.delete(`/mcp/servers/${ours}/oauth`).expect(404);
    expect(await whoIs(tenant.as, ours)).toBe('alice');
  });

  it('for the tenant needs mcp:update, for a user mcp:execute', async () => {
    const [shared, member, viewer] = [
      await serverWith('tenant'),
      await given.member(tenant, 'member'),
      await given.member(tenant, 'viewer'),
    ];
    const refused = await member.as.post(`/mcp/servers/${shared}/oauth/start`).expect(403);
    expect(refused.json()).toMatchObject({ details: { permission: 'mcp:update' } });
    await member.as.delete(`/mcp/servers/${shared}/oauth`).expect(403);
    await tenant.as.patch(`/mcp/servers/${shared}`, { oauth: { identity: 'user' } }).expect(200);
    await member.as.post(`/mcp/servers/${shared}/oauth/start`).expect(200);
    await viewer.as.post(`/mcp/servers/${shared}/oauth/start`).expect(403);
  });

  it('asks with PKCE, for the resource and the scopes that the server names', async () => {
    const { searchParams, origin } = await accounts.start(tenant.as, await serverWith('tenant'));
    expect(origin).toBe(upstream.origin);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      resource: upstream.url,
      scope: 'read',
      state: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uri: 'http://localhost:3000/api/v1/mcp/oauth/callback',
    });
  });

  it('registers as a client once', async () => {
    const id = await serverWith('user');
    await connect(tenant.as, id, 'alice');
    await connect((await given.member(tenant, 'member')).as, id, 'bert');
    expect(upstream.issuer.asked.register).toBe(1);
  });

  it('again asks for what the server has wanted besides', async () => {
    const id = await serverWith('tenant');
    await connect(tenant.as, id, 'alice');
    expect(await whoIs(tenant.as, id)).toBe('alice');
    await ask(tenant.as, id, 'who://admin').expect(502);
    expect(await stateOf(tenant.owner, id)).toBe('missing');
    expect(await whoIs(tenant.as, id)).toBe('alice');
    const url = await accounts.start(tenant.as, id);
    expect(url.searchParams.get('scope')?.split(' ').sort()).toEqual(['admin', 'read']);
    await accounts.browser(await accounts.consent(url, 'alice')).expect(200);
    expect(await whoIs(tenant.as, id, 'who://admin')).toBe('alice');
    expect(await stateOf(tenant.owner, id)).toBe('connected');
  });

  it('shows a browser a page that repeats nothing', async () => {
    const id = await serverWith('tenant');
    const html = { accept: 'text/html,*/*' };
    const done = await accounts.browser(await consented(tenant.as, id, 'alice'), html).expect(200);
    expect(done.headers.get('content-type')).toContain('text/html');
    expect(done.text).toContain('The account with protected is connected');
    upstream.issuer.refuses = 'consent';
    const refused = await accounts.browser(await consented(tenant.as, id, 'alice'), html).expect(502);
    expect(refused.text).not.toContain('script');
    const evil = encodeURIComponent('"><script>alert(1)</script>');
    const strange = await accounts
      .browser(`/mcp/oauth/callback?state=${evil}&code=${evil}&error=${evil}`, html)
      .expect(400);
    expect(strange.text).not.toContain('script');
    expect(strange.headers.get('location')).toBeNull();
  });
});

describe('A state', () => {
  it('is good once', async () => {
    const id = await serverWith('tenant');
    const path = await consented(tenant.as, id, 'alice');
    await accounts.browser(path).expect(200);
    await accounts.browser(path).expect(400);
    const both = await consented(tenant.as, id, 'alice');
    const statuses = await Promise.all([accounts.browser(both), accounts.browser(both), accounts.browser(both)]);
    expect(statuses.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
  });

  it('is used up also where it comes without a code, or with an error', async () => {
    const id = await serverWith('tenant');
    const path = await consented(tenant.as, id, 'alice');
    await accounts.browser(path.replace(/([?&])code=/, '$1no=')).expect(502);
    await accounts.browser(path).expect(400);
    expect(await stateOf(tenant.owner, id)).toBe('missing');
  });

  it('of one person is worth nothing with the code of another, for the verifier is theirs', async () => {
    const id = await serverWith('user');
    const [ann, bob] = [await given.member(tenant, 'member'), await given.member(tenant, 'member')];
    const annsPath = new URL(await consented(ann.as, id, 'alice'), app.url);
    const bobsPath = new URL(await consented(bob.as, id, 'bert'), app.url);
    annsPath.searchParams.set('code', bobsPath.searchParams.get('code') ?? '');
    await accounts.browser(`/mcp/oauth/callback${annsPath.search}`).expect(502);
    expect([await stateOf(ann, id), await stateOf(bob, id)]).toEqual(['missing', 'missing']);
  });

  it('of another tenant connects that one, and nobody else', async () => {
    const other = await given.tenant();
    const [ours, theirs] = [await serverWith('tenant'), await serverWith('tenant', other)];
    await connect(other.as, theirs, 'zoe');
    expect(await stateOf(tenant.owner, ours)).toBe('missing');
    await ask(tenant.as, ours).expect(502);
  });

  it('ends after ten minutes', async () => {
    const id = await serverWith('tenant');
    const path = await consented(tenant.as, id, 'alice');
    await runAs(Actor.job(tenant.tenantId), async () => {
      const db = app.nest.get(Db);
      const [flow] = await db.sql<{ minutes: number }>(
        `SELECT round(extract(epoch FROM expires_at - created_at) / 60)::int AS minutes
         FROM mcp_oauth_flows WHERE tenant_id = :tenantId`,
      );
      expect(flow?.minutes).toBe(10);
    });
    await expireFlows();
    await accounts.browser(path).expect(400);
  });

  it('ends with the membership of who started it, and with the server', async () => {
    const id = await serverWith('user');
    const [member, other] = [await given.member(tenant, 'member'), await given.member(tenant, 'member')];
    const [path, second] = [await consented(member.as, id, 'alice'), await consented(other.as, id, 'bert')];
    await tenant.as.delete(`/members/${member.userId}`).expect(204);
    await accounts.browser(path).expect(400);
    await tenant.as.delete(`/mcp/servers/${id}`).expect(204);
    await accounts.browser(second).expect(400);
  });

  it('ends where the server has moved, or its starter may no longer connect it', async () => {
    const id = await serverWith('tenant');
    const admin = await given.member(tenant, 'admin');
    const path = await consented(admin.as, id, 'alice');
    await tenant.as.patch(`/members/${admin.userId}`, { role: 'member' }).expect(200);
    await accounts.browser(path).expect(403);
    const second = await consented(tenant.as, id, 'alice');
    await tenant.as.patch(`/mcp/servers/${id}`, { url: `${upstream.origin}/elsewhere` }).expect(200);
    await accounts.browser(second).expect(400);
    expect(await stateOf(tenant.owner, id)).toBe('missing');
  });

  it('comes from the server that was asked, where that says it names itself', async () => {
    const id = await serverWith('tenant');
    const iss = upstream.issuer;
    iss.iss = { announced: true, sent: null };
    await accounts.browser(await consented(tenant.as, id, 'alice')).expect(502);
    iss.iss = { announced: false, sent: 'https://evil.example.com' };
    await accounts.browser(await consented(tenant.as, id, 'alice')).expect(502);
    expect(iss.asked.token).toBe(0);
    iss.iss = { announced: true, sent: upstream.origin };
    await accounts.browser(await consented(tenant.as, id, 'alice')).expect(200);
  });
});

/** As if ten minutes had passed. */
async function expireFlows(): Promise<void> {
  const path = app.nest.get(Db);
  await runAs(Actor.job(tenant.tenantId), () =>
    path.run(async () => {
      const rows = await path.sql<Record<string, unknown>>(
        'DELETE FROM mcp_oauth_flows WHERE tenant_id = :tenantId RETURNING server_id, user_id, identity, server_url, state_hash, sealed',
      );
      for (const row of rows)
        await path.sql(
          `INSERT INTO mcp_oauth_flows (tenant_id, id, server_id, user_id, identity, server_url, state_hash, sealed, expires_at)
           VALUES (:tenantId, gen_random_uuid(), :server_id, :user_id, :identity, :server_url, :state_hash, :sealed, now() - interval '1 second')`,
          row,
        );
    }),
  );
}

describe('A token', () => {
  it('that has ended is renewed once for all who need it', async () => {
    upstream.issuer.expiresIn = 1;
    const id = await serverWith('tenant');
    await connect(tenant.as, id, 'alice');
    upstream.issuer.expiresIn = 3600;
    await sleep(1_000);
    const told = await Promise.all(Array.from({ length: 20 }, () => whoIs(tenant.as, id)));
    expect(told).toEqual(Array(20).fill('alice'));
    expect(upstream.issuer.asked.refresh).toBe(1);
    expect(upstream.refused).toBe(1);
  });

  it('that the server refuses in the middle is renewed once, and the call goes through', async () => {
    const id = await serverWith('tenant');
    await connect(tenant.as, id, 'alice');
    expect(await whoIs(tenant.as, id)).toBe('alice');
    upstream.issuer.endAccessTokens();
    const told = await Promise.all(Array.from({ length: 20 }, () => whoIs(tenant.as, id)));
    expect(told).toEqual(Array(20).fill('alice'));
    expect(upstream.issuer.asked.refresh).toBe(1);
    upstream.issuer.endAccessTokens();
    expect(await whoIs(tenant.as, id)).toBe('alice');
    expect(upstream.issuer.asked.refresh).toBe(2);
  });

  it('whose renewal is answered byte by byte is asked for anew, and so is who gives access', async () => {
    const id = await serverWith('tenant');
    await connect(tenant.as, id, 'alice');
    upstream.issuer.endAccessTokens();
    upstream.drips = '/token';
    const dripping = await new ProtectedServer().start();
    dripping.drips = '/.well-known/oauth-authorization-server';
    const body = { name: 'dripping', transport: 'http', url: dripping.url, oauth: { identity: 'tenant' } };
    const other = (await tenant.as.post('/mcp/servers', body).expect(201)).json<{ id: string }>().id;
    const [refused, asked] = await Promise.all([
      tenant.as.post(`/mcp/servers/${other}/oauth/start`),
      ask(tenant.as, id),
    ]);
    expect([refused.status, asked.status]).toEqual([504, 504]);
    upstream.drips = null;
    expect(await whoIs(tenant.as, id)).toBe('alice');
    await dripping.stop();
  }, 60_000);

  it('whose renewal is refused is gone, and somebody has to connect again', async () => {
    const id = await serverWith('tenant');
    await connect(tenant.as, id, 'alice');
    upstream.issuer.endAccessTokens();
    upstream.issuer.refuses = 'refresh';
    const answer = await ask(tenant.as, id).expect(502);
    expect(answer.json()).toMatchObject({ details: { reason: 'not_connected' } });
    expect(await stateOf(tenant.owner, id)).toBe('missing');
    upstream.issuer.refuses = null;
    await connect(tenant.as, id, 'alice');
    expect(await whoIs(tenant.as, id)).toBe('alice');
  });

  it('is for the address it was given for', async () => {
    const id = await serverWith('tenant');
    await connect(tenant.as, id, 'alice');
    const other = await new ProtectedServer().start();
    await tenant.as.patch(`/mcp/servers/${id}`, { url: other.url }).expect(200);
    await ask(tenant.as, id).expect(502);
    expect(other.refused).toBe(0);
    await other.stop();
  });
});

describe('Disconnecting', () => {
  it('revokes both tokens where they came from, and ends the connection', async () => {
    const id = await serverWith('tenant');
    await connect(tenant.as, id, 'alice');
    expect(await whoIs(tenant.as, id)).toBe('alice');
    await tenant.as.delete(`/mcp/servers/${id}/oauth`).expect(204);
    expect(upstream.issuer.revoked).toEqual([expect.stringMatching(/^refresh-/), expect.stringMatching(/^access-/)]);
    await ask(tenant.as, id).expect(502);
    expect(await stateOf(tenant.owner, id)).toBe('missing');
    await tenant.as.delete(`/mcp/servers/${id}/oauth`).expect(204);
    expect(upstream.issuer.asked.revoke).toBe(2);
  });

  it('works where the authorization server is gone', async () => {
    const id = await serverWith('tenant');
    await connect(tenant.as, id, 'alice');
    await upstream.stop();
    await tenant.as.delete(`/mcp/servers/${id}/oauth`).expect(204);
    expect(await stateOf(tenant.owner, id)).toBe('missing');
    upstream = await new ProtectedServer().start();
  });

  it('of one user leaves the others connected', async () => {
    const id = await serverWith('user');
    const [ann, bob] = [await given.member(tenant, 'member'), await given.member(tenant, 'member')];
    await connect(ann.as, id, 'alice');
    await connect(bob.as, id, 'bert');
    await ann.as.delete(`/mcp/servers/${id}/oauth`).expect(204);
    await ask(ann.as, id).expect(502);
    expect(await whoIs(bob.as, id)).toBe('bert');
  });

  it('happens to members who are removed', async () => {
    const id = await serverWith('user');
    const member = await given.member(tenant, 'member');
    await connect(member.as, id, 'alice');
    await tenant.as.delete(`/members/${member.userId}`).expect(204);
    expect(await stateOf(member, id)).toBe('missing');
  });
});

describe('A client that was registered by hand', () => {
  it('is used with its authorization server, and its secret never shown', async () => {
    const id = await serverWith('tenant');
    upstream.issuer.addClient('by-hand', 'a secret of somebody');
    const body = { issuer: upstream.origin, clientId: 'by-hand', clientSecret: 'a secret of somebody' };
    const answer = await tenant.as.put(`/mcp/servers/${id}/oauth/client`, body).expect(200);
    expect(answer.json()).toEqual({ issuer: upstream.origin, clientId: 'by-hand', grantType: 'authorization_code' });
    expect((await accounts.start(tenant.as, id)).searchParams.get('client_id')).toBe('by-hand');
    await connect(tenant.as, id, 'alice');
    expect(await whoIs(tenant.as, id)).toBe('alice');
    expect(upstream.issuer.asked.register).toBe(0);
    await tenant.as.delete(`/mcp/servers/${id}/oauth/client`).expect(204);
    await accounts.start(tenant.as, id);
    expect(upstream.issuer.asked.register).toBe(1);
  });

  it('may get access without a person, and again when that has ended', async () => {
    const id = await serverWith('tenant');
    upstream.issuer.addClient('robot', 'its secret');
    const body = { issuer: upstream.origin, clientId: 'robot', clientSecret: 'its secret' };
    await tenant.as.put(`/mcp/servers/${id}/oauth/client`, { ...body, grantType: 'client_credentials' }).expect(200);
    expect(await whoIs(tenant.as, id)).toBe('robot');
    upstream.issuer.endAccessTokens();
    expect(await whoIs(tenant.as, id)).toBe('robot');
    await tenant.as.post(`/mcp/servers/${id}/oauth/start`).expect(502);
    const elsewhere = { ...body, issuer: 'http://127.0.0.1:1', grantType: 'client_credentials' };
    await tenant.as.put(`/mcp/servers/${id}/oauth/client`, elsewhere).expect(502);
  });

  it('has to be one', async () => {
    const id = await serverWith('user');
    const path = `/mcp/servers/${id}/oauth/client`;
    const body = { issuer: upstream.origin, clientId: 'x' };
    await tenant.as.put(path, { ...body, grantType: 'client_credentials', clientSecret: 's' }).expect(422);
    await tenant.as.put(path, { ...body, privateKey: 'no key' }).expect(422);
    await tenant.as.put(path, { ...body, issuer: 'http://10.0.0.1' }).expect(422);
    await (await given.member(tenant, 'member')).as.put(path, body).expect(403);
  });
});

describe('An installation that can be reached', () => {
  it('names itself by the address of what it says of itself', async () => {
    const reachable = await startApp({ EGRESS_ALLOW: '127.0.0.0/8', PUBLIC_URL: 'https://atrium.example.com' });
    try {
      const { as } = await new Given(reachable).tenant();
      upstream.issuer.readsClientMetadata = true;
      const there = new Accounts(reachable.url, upstream);
      const { searchParams } = await there.start(as, await there.serverWith(as, 'tenant'));
      const path = 'https://atrium.example.com/api/v1/mcp/oauth';
      expect(searchParams.get('client_id')).toBe(`${path}/client-metadata`);
      expect(upstream.issuer.asked.register).toBe(0);
      expect((await there.browser('/mcp/oauth/client-metadata').expect(200)).json()).toEqual({
        client_id: `${path}/client-metadata`,
        client_name: 'Atrium',
        redirect_uris: [`${path}/callback`],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      });
    } finally {
      await reachable.close();
    }
  });
});

describe('A server', () => {
  it('without OAuth, or that is none of ours, has nothing to connect', async () => {
    const plain = (
      await tenant.as.post('/mcp/servers', { name: 'plain', transport: 'http', url: upstream.url }).expect(201)
    ).json<{
      id: string;
    }>();
    await tenant.as.post(`/mcp/servers/${plain.id}/oauth/start`).expect(409);
    await tenant.as.delete(`/mcp/servers/${plain.id}/oauth`).expect(409);
    expect((await tenant.as.get(`/mcp/servers/${plain.id}/oauth`)).json()).toEqual({
      identity: null,
      state: 'notNeeded',
    });
    expect(await stateOf(tenant.owner, plain.id)).toBe('notNeeded');
    await tenant.as.post('/mcp/servers/01900000-0000-7000-8000-000000000001/oauth/start').expect(404);
    await tenant.as.post('/mcp/servers/calculator/oauth/start').expect(404);
  });

  it.each([
    ['names another resource', { resource: 'https://evil.example.com/mcp' }],
    ['leads inside', { authorization_servers: ['http://169.254.169.254'] }],
    ['leads to nothing', { authorization_servers: ['http://127.0.0.1:1'] }],
    ['names an issuer that calls itself otherwise', { authorization_servers: ['http://localhost:1'] }],
    ['names no address', { authorization_servers: ['javascript:alert(1)'] }],
  ])('that %s is refused', async (_how, metadata) => {
    upstream.resourceMetadata = metadata;
    const answer = await tenant.as.post(`/mcp/servers/${await serverWith('tenant')}/oauth/start`);
    expect([502, 503]).toContain(answer.status);
    expect(answer.json()).toMatchObject({ code: 'external_service_error' });
  });

  it('that is down can not be connected', async () => {
    const id = await serverWith('tenant');
    await upstream.stop();
    await tenant.as.post(`/mcp/servers/${id}/oauth/start`).expect(503);
    upstream = await new ProtectedServer().start();
  });
});

describe('What can not be opened', () => {
  it('since its key is gone or it was moved to another row, is as if it were not there', async () => {
    const id = await serverWith('user');
    const [ann, bob] = [await given.member(tenant, 'member'), await given.member(tenant, 'member')];
    await connect(ann.as, id, 'alice');
    await connect(bob.as, id, 'bert');
    await runAs(Actor.job(tenant.tenantId), () =>
      app.nest.get(Db).sql(
        `UPDATE mcp_oauth_grants SET sealed = (SELECT sealed FROM mcp_oauth_grants
           WHERE tenant_id = :tenantId AND user_id = :ann) WHERE tenant_id = :tenantId AND user_id = :bob`,
        { ann: ann.userId, bob: bob.userId },
      ),
    );
    expect([await stateOf(ann, id), await stateOf(bob, id)]).toEqual(['connected', 'missing']);
    await ask(bob.as, id).expect(502);
    await connect(bob.as, id, 'bert');
    expect([await whoIs(ann.as, id), await whoIs(bob.as, id)]).toEqual(['alice', 'bert']);
  });
});

describe('Secrets', () => {
  it('are in no answer, no audit row, and sealed in the database', async () => {
    upstream.repeatsToken = true;
    const id = await serverWith('tenant');
    const connected = await connect(tenant.as, id, 'alice');
    upstream.issuer.expiresIn = 1;
    upstream.issuer.endAccessTokens();
    const told = await whoIs(tenant.as, id);
    expect(told).toBe('alice ***');
    await accounts.start(tenant.as, id);
    const seen = [connected.text, told, (await tenant.as.get(`/mcp/servers/${id}`)).text];
    const audit = (await tenant.as.get('/audit-logs?limit=100').expect(200)).text;
    expect(audit).toContain('mcpServer.connected');
    await tenant.as.delete(`/mcp/servers/${id}/oauth`).expect(204);
    const after = (await tenant.as.get('/audit-logs?limit=100').expect(200)).text;
    expect(after).toContain('mcpServer.disconnected');
    await connect(tenant.as, id, 'alice');
    await accounts.start(tenant.as, id);
    const rows = await runAs(Actor.job(tenant.tenantId), async () => {
      const db = app.nest.get(Db);
      const tables = ['mcp_oauth_clients', 'mcp_oauth_flows', 'mcp_oauth_grants', 'events'];
      const read = (table: string) =>
        db.sql<{ row: string }>(`SELECT row_to_json(t)::text AS row FROM ${table} t WHERE tenant_id = :tenantId`);
      return (await Promise.all(tables.map(read))).flat().map(({ row }) => row);
    });
    expect(rows.length).toBeGreaterThan(5);
    const everything = [...seen, audit, after, ...rows].join('\n');
    const secrets = [...upstream.issuer.secrets].filter((secret) => secret !== '');
    expect(secrets.length).toBeGreaterThan(8);
    expect(secrets.filter((secret) => everything.includes(secret))).toEqual([]);
  });
});
