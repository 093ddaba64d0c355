import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels } from './conversations.js';
import { freePort } from './free-port.js';
import type { Tenant } from './given.js';
import { saying } from './upstream/reply.js';

const KEY = 'BSA-the-key-of-the-operator';

let app: TestApp;
let talks: Conversations;
let tenant: Tenant;
let server: Server;
let url: string;
let requests: IncomingMessage[] = [];
let answer: (response: ServerResponse) => unknown;

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request);
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/res/search?via=proxy`;
  // Nothing here is in EGRESS_ALLOW: the address is the operator's.
  app = await startApp({ ...manyModels(), BRAVE_SEARCH_API_KEY: KEY, BRAVE_SEARCH_URL: url });
  talks = new Conversations(app);
  tenant = await talks.given.tenant();
}, 60_000);
beforeEach(() => {
  requests = [];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await app.close();
});

function answering(status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  answer = (response) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

interface Executed {
  isError: boolean;
  content: [{ text: string }];
  structuredContent?: unknown;
}

async function search(input: object, of = tenant): Promise<Executed> {
  const body = { serverId: 'web', tool: 'search', arguments: input };
  const answered = await of.as.post('/mcp/execute', body).expect(200);
  expect(answered.text).not.toContain(KEY);
  return answered.json<Executed>();
}

const page = (n: number) => ({ title: `Page ${n}`, url: `https://example.com/${n}`, description: `About ${n}` });
const pages = (count: number) => ({ web: { results: Array.from({ length: count }, (_, index) => page(index + 1)) } });

describe('The web search', () => {
  it('is asked with the key, and answers pages as text and as data', async () => {
    answering(200, pages(2));
    const found = await search({ query: 'fish & chips' });
    expect(found).toMatchObject({ isError: false, structuredContent: { results: [page(1), page(2)] } });
    expect(found.content[0].text).toBe(
      '1. Page 1\nhttps://example.com/1\nAbout 1\n\n2. Page 2\nhttps://example.com/2\nAbout 2',
    );
    const [{ method, headers, url: path } = {} as IncomingMessage] = requests;
    expect([method, headers['x-subscription-token'], headers.accept]).toEqual(['GET', KEY, 'application/json']);
    const { pathname, searchParams } = new URL(path ?? '', url);
    expect(pathname).toBe('/res/search');
    expect(Object.fromEntries(searchParams)).toEqual({
      ...{ via: 'proxy', q: 'fish & chips', count: '5', text_decorations: 'false' },
    });
  });

  it('is used by agents', async () => {
    answering(200, pages(1));
    const talk = await talks.start({ tools: ['web:*'], permissionPolicy: { default: 'allow' } });
    const use = { steps: [{ toolUse: { name: 'web__search', input: { query: 'fish', count: 1 } } }] };
    const { results } = await talks.ask(talk, [use, saying('So')]);
    expect(results).toMatchObject([
      { name: 'web:search', isError: false, output: '1. Page 1\nhttps://example.com/1\nAbout 1' },
    ]);
    for (const path of ['/audit-logs', '/mcp/executions', '/tools'])
      expect((await talk.as.get(path).expect(200)).text).not.toContain(KEY);
  });

  it('answers no more than was asked for, as plain text in one line, and only pages', async () => {
    answering(200, pages(20));
    expect((await search({ query: 'x', count: 3 })).structuredContent).toEqual(pages(3).web);
    const odd = [
      {
        title: '<strong>Fish</strong> &amp; &#x43;hips &lt;b&gt;',
        url: 'https://example.com',
        description: ' a\n b\u0000',
      },
      { title: 7, url: 'http://example.com/7' },
      ...[{ title: 'No address' }, { title: 'x', url: 'javascript:alert(1)' }, { url: 'nowhere' }, null, 'text'],
    ];
    answering(200, { web: { results: odd } });
    const { structuredContent } = await search({ query: 'x' });
    expect(structuredContent).toEqual({
      results: [
        { title: 'Fish & Chips <b>', url: 'https://example.com', description: 'a b' },
        { title: 'http://example.com/7', url: 'http://example.com/7', description: '' },
      ],
    });
  });

  it.each([[{}], [{ web: null }], [{ web: { results: [] } }], [[]], [null]])('finds nothing in %j', async (body) => {
    answering(200, body);
    expect(await search({ query: 'x' })).toMatchObject({
      ...{ isError: false, content: [{ text: 'Nothing was found' }], structuredContent: { results: [] } },
    });
  });

  it.each<[number, unknown, Record<string, string>, RegExp]>([
    [401, { error: `The key ${KEY} is unknown` }, {}, /refuses the key of this installation/],
    [422, { input: KEY }, {}, /does not take the query/],
    [429, {}, { 'retry-after': '7' }, /asked too often; try again in 7 s/],
    [429, {}, { 'x-ratelimit-remaining': '0, 900', 'x-ratelimit-reset': '1, 141970' }, /try again in 1 s/],
    [429, {}, { 'x-ratelimit-remaining': '1, 0', 'x-ratelimit-reset': '1, 141970' }, /try again in 141970 s/],
    [429, {}, {}, /try again later/],
    [500, 'oops', {}, /failed with status 500; try again later/],
    [302, '', { location: 'http://127.0.0.1:9/' }, /The request failed/],
    [200, 'no JSON', {}, /no JSON/],
    [200, { web: 'x'.repeat(3_000_000) }, {}, /more than 2097152 bytes/],
  ])('tells of status %d', async (status, body, headers, text) => {
    answering(status, body, headers);
    const { isError, content } = await search({ query: 'x' });
    expect([isError, content[0].text]).toEqual([true, expect.stringMatching(text)]);
    expect(content[0].text.length).toBeLessThan(150);
    expect(requests).toHaveLength(1);
  });

  it.each([
    {},
    { query: '' },
    { query: ' ' },
    { query: 'x'.repeat(401) },
    { query: 'x', count: 0 },
    { query: 'x', count: 21 },
  ])('is not asked with %j', async (input) => {
    const body = { serverId: 'web', tool: 'search', arguments: input };
    await tenant.as.post('/mcp/execute', body).expect(422);
    expect(requests).toHaveLength(0);
  });
});

describe('Where nobody searches', () => {
  it('tells that nobody answers, and without a key there is no such tool', async () => {
    const port = await freePort();
    const away = await startApp({ BRAVE_SEARCH_API_KEY: KEY, BRAVE_SEARCH_URL: `http://127.0.0.1:${port}/` });
    const without = await startApp({ BRAVE_SEARCH_URL: url });
    try {
      const lost = await search({ query: 'x' }, await new Conversations(away).given.tenant());
      expect(lost).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('ECONNREFUSED') }] });
      const { as } = await new Conversations(without).given.tenant();
      const body = { serverId: 'web', tool: 'search', arguments: { query: 'x' } };
      await as.post('/mcp/execute', body).expect(422);
      expect((await as.get('/tools').expect(200)).text).not.toContain('web:search');
    } finally {
      await away.close();
      await without.close();
    }
  }, 60_000);
});
