import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import { startApp, type TestApp } from './app.js';
import type { Answer, Client } from './client.js';
import { Given, type Tenant } from './given.js';

const FRONT_END = 'https://app.example.com';
const PUBLIC_URL = 'https://atrium.example.com';
const PER_MINUTE = 40;

let app: TestApp;
let tenant: Tenant & { agentId: string };
/** With a public address, a front end and tight limits. */
let published: TestApp;

beforeAll(async () => {
  app = await startApp();
  tenant = await new Given(app).agent();
  const limits = { RATE_LIMIT_AUTHENTICATED: String(PER_MINUTE) };
  published = await startApp({ PUBLIC_URL, CORS_ORIGINS: FRONT_END, ...limits });
}, 120_000);
afterAll(async () => {
  await app.close();
  await published.close();
});

const ACCEPT = { accept: 'application/json, text/event-stream' };
const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };
const PONG = { jsonrpc: '2.0', id: 1, result: {} };

function post(body: unknown, headers: Record<string, string> = {}, as: Client = tenant.as): PromiseLike<Answer> {
  return as.send('POST', 'mcp', body, { ...ACCEPT, ...headers });
}

function initialize(protocolVersion: string): object {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  return { jsonrpc: '2.0', id: 1, method: 'initialize', params };
}

interface RpcError {
  jsonrpc: string;
  id: null;
  error: { code: number; message: string; data?: { code: string } };
}

function refusal(answer: Answer): [number, number] {
  const { jsonrpc, id, error } = answer.json<RpcError>();
  expect([jsonrpc, id, typeof error.message]).toEqual(['2.0', null, 'string']);
  return [answer.status, error.code];
}

describe('A caller of /mcp', () => {
  it('without a credential is told where to read more', async () => {
    const unknown: Record<string, string>[] = [{}, { authorization: 'Bearer x' }, { 'x-api-key': 'sk-x' }];
    for (const headers of unknown) {
      const answer = await fetch(`${app.url}/mcp`, {
        method: 'POST',
        headers: { ...ACCEPT, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(PING),
      });
      expect(answer.status).toBe(401);
      const told = /^Bearer resource_metadata="([^"]+)"$/.exec(answer.headers.get('www-authenticate') ?? '');
      expect(((await answer.json()) as RpcError).error.data?.code).toBe('authentication_error');
      const metadata = await fetch(told?.[1] ?? '');
      expect([metadata.status, await metadata.json()]).toEqual([
        200,
        { resource: `${app.url}/mcp`, resource_name: 'Atrium', bearer_methods_supported: ['header'] },
      ]);
    }
  });

  it('is told of the public address where there is one', async () => {
    for (const path of ['', '/mcp']) {
      const answer = await fetch(`${published.url}/.well-known/oauth-protected-resource${path}`);
      expect(await answer.json()).toMatchObject({ resource: `${PUBLIC_URL}/mcp` });
    }
    const refused = await fetch(`${published.url}/mcp`, { method: 'POST' });
    expect(refused.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp"`,
    );
  });

  it('is counted, each message of a batch like a request', async () => {
    const { as } = await new Given(published).tenant();
    const batch = Array.from({ length: PER_MINUTE - 2 }, (_, id) => ({ ...PING, id }));
    const answer = await post(batch, {}, as);
    expect(answer.json<object[]>()).toHaveLength(batch.length);
    expect(answer.headers.get('ratelimit-remaining')).toBe('2');
    const refused = await post([PING, PING, PING], {}, as);
    expect(refusal(refused)).toEqual([429, -32_000]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('www-authenticate')).toBeNull();
  });

  it('leaves its correlation id in the log', async () => {
    const params = { name: 'run_agent', arguments: { agentId: tenant.agentId, message: 'Hello' } };
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
    const answer = await post(body, { 'x-correlation-id': 'from-mcp' });
    expect(answer.headers.get('x-correlation-id')).toBe('from-mcp');
    const { data } = (await tenant.as.get('/audit-logs?action=run.started').expect(200)).json<{
      data: { correlationId: string }[];
    }>();
    expect(data.map(({ correlationId }) => correlationId)).toContain('from-mcp');
  });
});

describe('A page in a browser', () => {
  it.each(['https://evil.example.com', 'http://localhost.evil.example.com', 'null', 'x', 'http://127.0.0.1:1'])(
    'of %s may not ask',
    async (origin) => {
      expect(refusal(await post(PING, { origin }))).toEqual([403, -32_000]);
    },
  );

  it('of ours and of the front end may', async () => {
    expect((await post(PING, { origin: app.url })).json()).toEqual(PONG);
    const { as } = await new Given(published).tenant();
    for (const origin of [PUBLIC_URL, FRONT_END]) expect((await post(PING, { origin }, as)).json()).toEqual(PONG);
  });

  /** Fetch sets the header Host itself. */
  function statusUnder(host: string): Promise<number | undefined> {
    const headers = { ...ACCEPT, host, 'content-type': 'application/json', authorization: `Bearer ${tenant.as.token}` };
    return new Promise((resolve, reject) => {
      const sent = httpRequest(`${app.url}/mcp`, { method: 'POST', headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      sent.on('error', reject).end(JSON.stringify(PING));
    });
  }

  it('whose name leads to this machine may not', async () => {
    expect(await statusUnder('evil.example.com')).toBe(403);
    expect(await statusUnder('a b')).toBe(403);
    expect(await statusUnder('localhost')).toBe(200);
  });
});

describe('A method', () => {
  it.each(['GET', 'HEAD', 'DELETE', 'PUT', 'PATCH', 'OPTIONS'])('%s is not answered', async (method) => {
    for (const headers of [{}, { authorization: `Bearer ${tenant.as.token}`, accept: 'text/event-stream' }]) {
      const answer = await fetch(`${app.url}/mcp`, { method, headers: headers as Record<string, string> });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
      await answer.text();
    }
  });
});

describe('A version of the protocol', () => {
  it.each(SUPPORTED_PROTOCOL_VERSIONS)('%s is spoken', async (version) => {
    expect((await post(initialize(version))).json()).toMatchObject({ result: { protocolVersion: version } });
    expect((await post(PING, { 'mcp-protocol-version': version })).json()).toEqual(PONG);
  });

  it.each(['1999-01-01', '2099-01-01', 'x'])('%s is not', async (version) => {
    const answered = (await post(initialize(version))).json();
    expect(answered).toMatchObject({ result: { protocolVersion: LATEST_PROTOCOL_VERSION } });
    expect(refusal(await post(PING, { 'mcp-protocol-version': version }))).toEqual([400, -32_000]);
  });

  it('decides whether there are batches', async () => {
    const batch = [PING, { ...PING, id: 'two' }];
    const answers = [PONG, { ...PONG, id: 'two' }];
    expect((await post(batch)).json()).toEqual(answers);
    expect((await post(batch, { 'mcp-protocol-version': '2025-03-26' })).json()).toEqual(answers);
    for (const version of ['2025-06-18', '2025-11-25'])
      expect(refusal(await post(batch, { 'mcp-protocol-version': version }))).toEqual([400, -32_600]);
  });
});

describe('What is not to be answered', () => {
  it.each<[string, unknown]>([
    ['a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['that nobody knows', { jsonrpc: '2.0', method: 'notifications/x' }],
    [
      'that takes back what nobody asked',
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 9 } },
    ],
    ['an answer', { jsonrpc: '2.0', id: 1, result: {} }],
    ['an error', { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'x' } }],
    [
      'several',
      [
        { jsonrpc: '2.0', method: 'notifications/initialized' },
        { jsonrpc: '2.0', id: 1, result: {} },
      ],
    ],
  ])('%s is accepted', async (_what, body) => {
    const answer = await post(body);
    expect([answer.status, answer.text]).toEqual([202, '']);
  });
});

const DEEP = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
const call = (params: unknown): object => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });

describe('A body that is no message', () => {
  it.each<[string, unknown, [number, number], Record<string, string>?]>([
    ['nothing', undefined, [400, -32_700]],
    ['no JSON', '{"jsonrpc"', [400, -32_700]],
    ['no UTF-8', '"\\ud800"', [422, -32_602]],
    ['a text', '"ping"', [400, -32_600]],
    ['a number', '1', [400, -32_600]],
    ['null', 'null', [400, -32_600]],
    ['an empty object', {}, [400, -32_600]],
    ['an empty batch', [], [400, -32_600]],
    ['a batch in a batch', [[PING]], [400, -32_600]],
    ['a batch with something else', [PING, 1], [400, -32_600]],
    ['a large batch', Array.from({ length: 101 }, () => PING), [400, -32_600]],
    ['two initializations', [initialize('2025-03-26'), { ...initialize('2025-03-26'), id: 2 }], [400, -32_600]],
    ['of JSON-RPC 1.0', { id: 1, method: 'ping', params: [] }, [400, -32_600]],
    ['without a method', { jsonrpc: '2.0', id: 1 }, [400, -32_600]],
    ['with an id of null', { ...PING, id: null }, [400, -32_600]],
    ['with an object for an id', { ...PING, id: {} }, [400, -32_600]],
    ['with a list of parameters', { ...PING, params: [1] }, [400, -32_600]],
    ['with a text for parameters', { ...PING, params: 'x' }, [400, -32_600]],
    ['with an odd progress token', call({ name: 'list_agents', _meta: { progressToken: {} } }), [400, -32_600]],
    ['of great depth', DEEP, [422, -32_602]],
    ['of great size', { ...PING, params: { text: 'x'.repeat(1024 * 1024) } }, [413, -32_000]],
    ['with a NUL', { ...PING, params: { text: 'a\u0000b' } }, [422, -32_602]],
    ['of another type', JSON.stringify(PING), [415, -32_000], { 'content-type': 'text/plain' }],
    ['that looks like JSON', JSON.stringify(PING), [415, -32_000], { 'content-type': 'text/application/json' }],
    ['packed', JSON.stringify(PING), [415, -32_000], { 'content-encoding': 'gzip' }],
    ['whose answer is not wanted', PING, [406, -32_000], { accept: 'text/html' }],
    ['whose stream is not wanted', PING, [406, -32_000], { accept: 'application/json' }],
  ])('is refused: %s', async (_what, body, expected, headers = {}) => {
    const answer = await post(body, headers);
    expect(refusal(answer)).toEqual(expected);
  });
});

describe('A request that can not be carried out', () => {
  it.each<[string, object, number]>([
    ['unknown', { method: 'x' }, -32_601],
    ['named like a property', { method: '__proto__' }, -32_601],
    ['named like another', { method: 'constructor' }, -32_601],
    ['of what we do not offer', { method: 'resources/subscribe', params: { uri: 'x' } }, -32_601],
    ['of what we do not log', { method: 'logging/setLevel', params: { level: 'info' } }, -32_601],
    ['of tasks', { method: 'tasks/list' }, -32_601],
    ['for a tool without a name', { method: 'tools/call', params: {} }, -32_602],
    ['for a tool with a list', { method: 'tools/call', params: { name: 'list_agents', arguments: [] } }, -32_602],
    ['for a tool that is none', { method: 'tools/call', params: { name: 'x' } }, -32_602],
    ['for no resource', { method: 'resources/read', params: { uri: 1 } }, -32_602],
    ['for an odd page', { method: 'tools/list', params: { cursor: 1 } }, -32_602],
    ['to begin with nothing', { method: 'initialize', params: {} }, -32_602],
  ])('is answered with its error: %s', async (_what, part, code) => {
    const answer = await post({ jsonrpc: '2.0', id: 'mine', ...part });
    expect(answer.json()).toMatchObject({ jsonrpc: '2.0', id: 'mine', error: { code } });
  });

  it('in a batch leaves the others alone', async () => {
    const batch = [{ ...PING, id: 'bad', method: 'x' }, PING, { jsonrpc: '2.0', method: 'notifications/x' }];
    expect((await post(batch)).json()).toEqual([{ jsonrpc: '2.0', id: 'bad', error: expect.anything() }, PONG]);
  });
});

describe('A request that is odd', () => {
  const listing = call({ name: 'list_agents', arguments: {} });

  it('is answered although it is taken back beside it', async () => {
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
    expect((await post([listing, cancelled])).json()).toMatchObject({ id: 1, result: { isError: false } });
  });

  it('is answered once if its id comes twice', async () => {
    const answer = await post([listing, listing]);
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ id: 1, result: { isError: false } });
  });

  it('is carried out like others if it asks for a task, which we do not know', async () => {
    const task = { ttl: 1000 };
    const answered = (await post(call({ name: 'list_agents', arguments: {}, task }))).json();
    expect(answered).toMatchObject({ result: { isError: false } });
    const _meta = { 'io.modelcontextprotocol/related-task': { taskId: 'x' }, progressToken: 1 };
    const related = await post(call({ name: 'list_agents', arguments: {}, _meta }));
    expect(related.text).toContain('"isError":false');
  });

  it('has its progress on a stream', async () => {
    const { agentId } = tenant;
    const params = { name: 'run_agent', arguments: { agentId, message: 'Hi' }, _meta: { progressToken: 'mine' } };
    const answer = await post(call(params));
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    const messages = [...answer.text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data ?? ''));
    expect(messages.at(0)).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 'mine', progress: 1 },
    });
    expect(messages.at(-1)).toMatchObject({ id: 1, result: { structuredContent: { status: 'completed' } } });
  });

  it('gets no session', async () => {
    const answer = await post(initialize(LATEST_PROTOCOL_VERSION));
    expect(answer.headers.get('mcp-session-id')).toBeNull();
    expect((await post(PING, { 'mcp-session-id': 'x' })).json()).toEqual(PONG);
  });
});
