import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Given } from './given.js';

interface Server {
  id: string;
  name: string;
  headers: string[];
  [field: string]: unknown;
}

let app: TestApp;
let given: Given;

const folder = mkdtempSync(join(tmpdir(), 'atrium-registry-'));
const registry = join(folder, 'commands.json');
writeFileSync(
  registry,
  JSON.stringify({
    plain: { command: process.execPath, args: ['-v'] },
    slots: {
      command: process.execPath,
      args: ['x', { slot: 'folder', pattern: '[a-z]+' }, { slot: 'depth', pattern: '\\d' }],
    },
  }),
);

beforeAll(async () => {
  app = await startApp({ MCP_STDIO_REGISTRY: registry, EGRESS_ALLOW: '10.1.0.0/16' });
  given = new Given(app);
}, 60_000);
afterAll(() => app.close());

const http = (name: string, more: object = {}) => ({
  name,
  transport: 'http',
  url: 'https://mcp.example.com/mcp',
  ...more,
});
const faultsOf = async (as: Client, body: object) => {
  const answer = await as.post('/mcp/servers', body).expect(422);
  return answer.json<{ validationErrors: { field: string }[] }>().validationErrors.map(({ field }) => field);
};

describe('MCP servers', () => {
  it('are made, read, listed, changed and deleted', async () => {
    const { as } = await given.tenant();
    const policy = { onChange: 'ask', tools: { 'a.b/c': { timeoutMs: 500, idempotent: true } } };
    const body = http('docs', { headers: { Authorization: 'Bearer abc' }, timeoutMs: 5000, toolPolicy: policy });
    const made = (await as.post('/mcp/servers', body).expect(201)).json<Server>();
    expect(made).toMatchObject({
      ...{ name: 'docs', transport: 'http', url: 'https://mcp.example.com/mcp', headers: ['Authorization'] },
      ...{ command: null, args: [], oauth: null, enabled: true, timeoutMs: 5000, toolPolicy: policy },
    });
    expect((await as.get(`/mcp/servers/${made.id}`).expect(200)).json()).toEqual(made);
    const second = (await as.post('/mcp/servers', http('second', { transport: 'sse' })).expect(201)).json<Server>();
    const page = (await as.get('/mcp/servers?limit=1').expect(200)).json<{ data: Server[]; nextCursor: string }>();
    expect(page.data).toEqual([second]);
    const rest = (await as.get(`/mcp/servers?cursor=${page.nextCursor}`).expect(200)).json<{ data: Server[] }>();
    expect(rest.data).toEqual([made]);
    const changed = await as.patch(`/mcp/servers/${made.id}`, { toolPolicy: { onChange: 'disable' }, headers: null });
    expect(changed.json()).toMatchObject({ headers: [], toolPolicy: { onChange: 'disable' }, timeoutMs: 5000 });
    const off = await as.patch(`/mcp/servers/${made.id}`, { enabled: false, timeoutMs: null, toolPolicy: null });
    expect(off.json()).toMatchObject({ enabled: false, timeoutMs: null, toolPolicy: null, name: 'docs' });
    await as.delete(`/mcp/servers/${made.id}`).expect(204);
    await as.get(`/mcp/servers/${made.id}`).expect(404);
    await as.delete(`/mcp/servers/${made.id}`).expect(404);
  });

  it('have names of their own in their tenant', async () => {
    const [one, other] = [await given.tenant(), await given.tenant()];
    await one.as.post('/mcp/servers', http('same')).expect(201);
    await one.as.post('/mcp/servers', http('same')).expect(409);
    await other.as.post('/mcp/servers', http('same')).expect(201);
    const { id } = (await one.as.post('/mcp/servers', http('free')).expect(201)).json<Server>();
    await one.as.patch(`/mcp/servers/${id}`, { name: 'same' }).expect(409);
    await one.as.patch(`/mcp/servers/${id}`, { name: 'fetch' }).expect(422);
  });

  it.each<[string, object, string]>([
    ...['agent', 'rag', 'client', 'web'].map((name): [string, object, string] => [
      `reserved ${name}`,
      http(name),
      'name',
    ]),
    ...['calculator', 'clock', 'filesystem', 'database', 'fetch'].map((name): [string, object, string] => [
      `built-in ${name}`,
      http(name),
      'name',
    ]),
    ['an upper-case name', http('Docs'), 'name'],
    ['an empty name', http(''), 'name'],
    ['a long name', http('x'.repeat(33)), 'name'],
    ['an unknown transport', http('x', { transport: 'carrier-pigeon' }), 'transport'],
    ['a built-in to be made', { name: 'x', transport: 'builtin' }, 'transport'],
    ['no url', { name: 'x', transport: 'http' }, 'url'],
    ['no url at all', http('x', { url: 'nonsense' }), 'url'],
    ['another scheme', http('x', { url: 'file:///etc/passwd' }), 'url'],
    ['a name and password in the url', http('x', { url: 'https://me:secret-word@mcp.example.com' }), 'url'],
    ['a user name in the url', http('x', { url: 'https://me@mcp.example.com' }), 'url'],
    ['loopback', http('x', { url: 'http://127.0.0.1:8080/mcp' }), 'url'],
    ['localhost', http('x', { url: 'http://localhost/mcp' }), 'url'],
    ['a private network', http('x', { url: 'http://10.2.0.1/mcp' }), 'url'],
    ['metadata', http('x', { url: 'http://169.254.169.254/latest' }), 'url'],
    ['IPv4 in IPv6', http('x', { url: 'http://[::ffff:127.0.0.1]/mcp' }), 'url'],
    ['a decimal address', http('x', { url: 'http://2130706433/' }), 'url'],
    ['a command for http', http('x', { command: 'plain' }), 'command'],
    ['args for http', http('x', { args: ['a'] }), 'args'],
    ['a header of the protocol', http('x', { headers: { 'Mcp-Session-Id': '1' } }), 'headers'],
    ['the host', http('x', { headers: { host: 'inside' } }), 'headers'],
    ['a header with a line break', http('x', { headers: { 'X-Key': 'a\r\nX-More: b' } }), 'headers'],
    ['a header that is no text', http('x', { headers: { 'X-Key': 5 } }), 'headers'],
    ['a header twice', http('x', { headers: { 'X-Key': 'a', 'x-key': 'b' } }), 'headers'],
    ['an unknown identity', http('x', { oauth: { identity: 'nobody' } }), 'oauth.identity'],
    ['a wrong time-out', http('x', { timeoutMs: 1 }), 'timeoutMs'],
    ['an unknown policy', http('x', { toolPolicy: { onChange: 'shrug' } }), 'toolPolicy.onChange'],
    ['an unknown field of a tool', http('x', { toolPolicy: { tools: { a: { color: 1 } } } }), 'toolPolicy.tools'],
    ['a wrong field of a tool', http('x', { toolPolicy: { tools: { a: { timeoutMs: '9' } } } }), 'toolPolicy.tools'],
    ['an unknown field', http('x', { tenantId: 'mine' }), 'tenantId'],
    ['a command that is not registered', { name: 'x', transport: 'stdio', command: 'sh' }, 'command'],
    ['a command line', { name: 'x', transport: 'stdio', command: 'plain; rm -rf /' }, 'command'],
    ['no command', { name: 'x', transport: 'stdio' }, 'command'],
    ['a url for stdio', { name: 'x', transport: 'stdio', command: 'plain', url: 'https://a.example.com' }, 'url'],
    ['headers for stdio', { name: 'x', transport: 'stdio', command: 'plain', headers: { A: 'b' } }, 'headers'],
    ['too many args', { name: 'x', transport: 'stdio', command: 'plain', args: ['--eval=1'] }, 'args'],
    ['too few args', { name: 'x', transport: 'stdio', command: 'slots', args: ['home'] }, 'args'],
    ['an arg that fits in part', { name: 'x', transport: 'stdio', command: 'slots', args: ['home/..', '1'] }, 'args'],
    ['an arg with a line break', { name: 'x', transport: 'stdio', command: 'slots', args: ['home\n', '1'] }, 'args'],
    ['an option in a slot', { name: 'x', transport: 'stdio', command: 'slots', args: ['--eval', '1'] }, 'args'],
  ])('are refused with %s', async (_what, body, field) => {
    const { as } = await sharedTenant();
    expect(await faultsOf(as, body)).toEqual([field]);
  });

  let shared: ReturnType<Given['tenant']> | undefined;
  const sharedTenant = () => (shared ??= given.tenant());

  it('of commands take what fits the slots, and addresses what the operator allows', async () => {
    const { as } = await given.tenant();
    const stdio = { name: 'local', transport: 'stdio', command: 'slots', args: ['home', '1'] };
    const made = (await as.post('/mcp/servers', stdio).expect(201)).json<Server>();
    expect(made).toMatchObject({ command: 'slots', args: ['home', '1'], url: null });
    await as.post('/mcp/servers', http('inside', { url: 'http://10.1.2.3/mcp' })).expect(201);
    // Another transport leaves nothing of the one before.
    const moved = await as.patch(`/mcp/servers/${made.id}`, { transport: 'http', url: 'https://mcp.example.com' });
    expect(moved.json()).toMatchObject({ transport: 'http', command: null, args: [] });
    await as.patch(`/mcp/servers/${made.id}`, { transport: 'stdio' }).expect(422);
  });

  it('never show what their headers hold', async () => {
    const { as } = await given.tenant();
    const secret = 'correct-horse-battery';
    const body = http('secretive', { headers: { 'X-Door': secret, Authorization: `Bearer ${secret}` } });
    const { id } = (await as.post('/mcp/servers', body).expect(201)).json<Server>();
    await as.patch(`/mcp/servers/${id}`, { headers: { 'X-Door': `${secret}2` } }).expect(200);
    const wrong = await as.post('/mcp/servers', http('x', { headers: { 'X-Door': `${secret}\n` } })).expect(422);
    const shown = await Promise.all(
      [`/mcp/servers/${id}`, '/mcp/servers', '/audit-logs?limit=100'].map((p) => as.get(p)),
    );
    for (const answer of [wrong, ...shown]) expect(answer.text).not.toContain(secret);
    expect(shown[2]?.text).toContain('X-Door');
    expect(shown[0]?.json()).toMatchObject({ headers: ['X-Door'] });
  });

  it('keep what their headers hold to the origin that it was given for', async () => {
    const { as } = await given.tenant();
    const made = await as.post('/mcp/servers', http('docs', { headers: { 'X-Door': 'correct-horse' } })).expect(201);
    const path = `/mcp/servers/${made.json<Server>().id}`;
    for (const url of [
      'https://elsewhere.example.com/mcp',
      'https://mcp.example.com:444/mcp',
      'http://mcp.example.com',
    ]) {
      const refused = await as.patch(path, { url }).expect(422);
      expect(refused.json()).toMatchObject({ validationErrors: [{ field: 'headers' }] });
    }
    expect((await as.get(path).expect(200)).json()).toEqual(made.json());
    const moved = await as.patch(path, { url: 'https://MCP.example.com:443/v2' }).expect(200);
    expect(moved.json()).toMatchObject({ headers: ['X-Door'] });
    const anew = await as.patch(path, { url: 'https://two.example.com', headers: { 'X-Key': 'a' } }).expect(200);
    expect(anew.json()).toMatchObject({ headers: ['X-Key'] });
    // Another transport takes none along, and so they are not with it either when the first one is back.
    const other = await as.patch(path, { transport: 'sse', url: 'https://three.example.com' }).expect(200);
    expect(other.json()).toMatchObject({ headers: [] });
    const back = await as.patch(path, { transport: 'http', url: 'https://four.example.com' }).expect(200);
    expect(back.json()).toMatchObject({ headers: [] });
    await as.patch(path, { headers: { 'X-Key': 'b' } }).expect(200);
    const without = await as.patch(path, { url: 'https://five.example.com', headers: null }).expect(200);
    expect(without.json()).toMatchObject({ headers: [] });
    await as.patch(path, { url: 'https://six.example.com' }).expect(200);
  });

  it('are for admins to make, and for all to see', async () => {
    const tenant = await given.tenant();
    const { id } = (await tenant.as.post('/mcp/servers', http('docs')).expect(201)).json<Server>();
    const [admin, member, viewer] = await Promise.all([
      given.member(tenant, 'admin'),
      given.member(tenant, 'member'),
      given.member(tenant, 'viewer'),
    ]);
    await admin.as.patch(`/mcp/servers/${id}`, { timeoutMs: 1000 }).expect(200);
    for (const { as } of [member, viewer]) {
      await as.get(`/mcp/servers/${id}`).expect(200);
      await as.get(`/mcp/servers/${id}/tools`).expect(200);
      await as.post('/mcp/servers', http('mine')).expect(403);
      await as.patch(`/mcp/servers/${id}`, { enabled: false }).expect(403);
      await as.delete(`/mcp/servers/${id}`).expect(403);
    }
    await viewer.as.post(`/mcp/servers/${id}/resources/read`, { uri: 'a:b' }).expect(403);
  });

  it("are nobody else's", async () => {
    const [one, other] = [await given.tenant(), await given.tenant()];
    const { id } = (await one.as.post('/mcp/servers', http('mine')).expect(201)).json<Server>();
    expect((await other.as.get('/mcp/servers').expect(200)).json()).toEqual({ data: [], nextCursor: null });
    await other.as.get(`/mcp/servers/${id}`).expect(404);
    for (const path of ['discover', 'tools', 'health']) await other.as.get(`/mcp/servers/${id}/${path}`).expect(404);
    await other.as.patch(`/mcp/servers/${id}`, { enabled: false }).expect(404);
    await other.as.delete(`/mcp/servers/${id}`).expect(404);
    await other.as.post(`/mcp/servers/${id}/resources/read`, { uri: 'a:b' }).expect(404);
    await other.as.post(`/mcp/servers/${id}/prompts/get`, { name: 'a' }).expect(404);
  });

  it('stand in the audit log', async () => {
    const { as } = await given.tenant();
    const { id } = (await as.post('/mcp/servers', http('docs')).expect(201)).json<Server>();
    await as.patch(`/mcp/servers/${id}`, { enabled: false }).expect(200);
    await as.delete(`/mcp/servers/${id}`).expect(204);
    const log = (await as.get(`/audit-logs?resourceId=${id}`).expect(200)).json<{ data: { action: string }[] }>();
    expect(log.data.map(({ action }) => action)).toEqual([
      ...['mcpServer.deleted', 'mcpServer.updated', 'mcpServer.created'],
    ]);
  });
});

describe('Built-in servers', () => {
  it('are found by their names, and stay as they are', async () => {
    const { as } = await given.tenant();
    const shown = (await as.get('/mcp/servers/calculator').expect(200)).json<Server>();
    expect(shown).toMatchObject({ id: 'calculator', name: 'calculator', transport: 'builtin', enabled: true });
    await as.delete('/mcp/servers/calculator').expect(409);
    await as.patch('/mcp/servers/calculator', { enabled: false }).expect(409);
    await as.get('/mcp/servers/nonesuch').expect(404);
    await as.get('/mcp/servers/no%20such').expect(404);
    await as.get('/mcp/servers/nonesuch/health').expect(404);
  });

  it('are asked as any server is', async () => {
    const { as } = await given.tenant();
    const found = (await as.get('/mcp/servers/calculator/discover').expect(200)).json<{ tools: { name: string }[] }>();
    expect(found).toMatchObject({ resources: [], prompts: [], serverInfo: { name: 'calculator' } });
    expect(found.tools.map(({ name }) => name)).toEqual(['add', 'subtract', 'multiply', 'divide', 'power']);
    const cached = (await as.get('/mcp/servers/calculator/tools').expect(200)).json<{ data: { name: string }[] }>();
    expect(cached.data.map(({ name }) => name)).toContain('add');
    const health = (await as.get('/mcp/servers/clock/health').expect(200)).json();
    expect(health).toMatchObject({ status: 'healthy', circuitBreaker: 'closed' });
    await as.post('/mcp/servers/clock/resources/read', { uri: 'a:b' }).expect(422);
    await as.post('/mcp/servers/clock/prompts/get', { name: 'a' }).expect(422);
  });
});
