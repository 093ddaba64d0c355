import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { freePort } from './free-port.js';
import { saying } from './upstream/reply.js';

const AGENT = { tools: ['fetch:*'], permissionPolicy: { default: 'allow' } };

let app: TestApp;
let talks: Conversations;
let talk: Talk;
let server: Server;
let url: string;
let page: (response: ServerResponse, path: string) => void;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.1' });
  talks = new Conversations(app);
  talk = await talks.start(AGENT);
  server = createServer((request, response) => page(response, request.url ?? ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 60_000);
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await app.close();
});

async function fetched(address: string, by = talk): Promise<{ isError: boolean; output: string }> {
  const use = { steps: [{ toolUse: { name: 'fetch__fetch', input: { url: address } } }] };
  const { results } = await talks.ask(by, [use, saying('So')]);
  const [{ isError, output } = { isError: true, output: 'nothing' }] = results;
  return { isError, output };
}

/** What is made of a body of this type. */
function read(type: string | null, body: string | Buffer, headers: Record<string, string> = {}) {
  page = (response) =>
    response.writeHead(200, type === null ? headers : { 'content-type': type, ...headers }).end(body);
  return fetched(`${url}/page`);
}

const HTML = `<!doctype html><html><head><title>Fish &amp; Chips</title><style>p { color: red }</style>
  <script>document.write('no')</script></head><body><nav>Home | About</nav><h1>Menu</h1>
  <p>Cod with <b>chips</b>, see <a href="/prices">prices</a>.</p><table><tr><th>Dish</th><th>Price</th></tr>
  <tr><td>Cod</td><td>7</td></tr></table></body></html>`;

describe('The fetch tool', () => {
  it('reads a page as text', async () => {
    const { isError, output } = await read('text/html; charset=utf-8', HTML);
    expect(isError).toBe(false);
    expect(output).toMatch(/^Fish & Chips\n\nMenu\n+Cod with chips, see prices/);
    expect(output).toContain(`${url}/prices`);
    expect(output).toMatch(/Dish +Price\nCod +7/);
    expect(output).not.toMatch(/color: red|document\.write|About|<p>/);
  });

  it.each<[string, string | null, string | Buffer, string]>([
    ['plain text', 'text/plain', 'a <b>\n  c', 'a <b>\n  c'],
    ['JSON', 'application/json', '{"a":1}', '{"a":1}'],
    ['JSON of a kind', 'application/ld+json', '{"a":1}', '{"a":1}'],
    ['what is not said to be anything', null, 'plain', 'plain'],
    ['Latin-1', 'text/plain; charset=ISO-8859-1', Buffer.from('Käse', 'latin1'), 'Käse'],
    ['UTF-16', 'text/plain', Buffer.from('\ufeffKäse', 'utf16le'), 'Käse'],
    [
      'Shift JIS, as the page says',
      'text/html',
      Buffer.from('<meta charset="shift_jis">\x93\xfa\x96\x7b', 'latin1'),
      '日本',
    ],
    ['an unknown charset', 'text/plain; charset=klingon', 'Käse', 'Käse'],
    ['nothing', 'text/plain', '', ''],
  ])('reads %s', async (_what, type, body, text) => {
    expect(await read(type, body)).toEqual({ isError: false, output: text });
  });

  it('unpacks what is compressed', async () => {
    const packed = gzipSync('packed');
    expect(await read('text/plain', packed, { 'content-encoding': 'gzip' })).toEqual({
      isError: false,
      output: 'packed',
    });
  });

  it('tells what is no text', async () => {
    expect(await read('image/png', Buffer.alloc(10))).toEqual({ isError: true, output: 'It is no text: image/png' });
    expect(await read(null, Buffer.alloc(10))).toMatchObject({ isError: true });
  });

  it('tells the status of an error, and what was said with it', async () => {
    page = (response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Gone fishing</h1>');
    expect(await fetched(url)).toEqual({ isError: true, output: 'Status 404\n\nGone fishing' });
    page = (response) => response.writeHead(500, { 'content-type': 'image/png' }).end('x');
    expect(await fetched(url)).toMatchObject({ isError: true, output: expect.stringContaining('Status 500') });
  });

  it('reads the beginning of what never ends', async () => {
    page = (response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const flood = (): void => {
        while (!response.destroyed && response.write('0123456789'.repeat(1000)));
      };
      response.on('drain', flood);
      flood();
    };
    const { isError, output } = await fetched(url);
    expect(isError).toBe(false);
    expect(output.startsWith('0123456789')).toBe(true);
  });

  it('gives up on a page that is made to be read for ever', async () => {
    const { output } = await read('text/html', '<div>'.repeat(300_000));
    expect(output).not.toMatch(/internal|stack/i);
    expect(await read('text/html', '<p>fine</p>')).toEqual({ isError: false, output: 'fine' });
  }, 60_000);

  it('follows redirects, but not into a network that is closed', async () => {
    page = (response, path) => {
      if (path === '/there') response.writeHead(200, { 'content-type': 'text/plain' }).end('there');
      else response.writeHead(302, { location: path === '/in' ? 'http://169.254.169.254/latest/' : '/there' }).end();
    };
    expect(await fetched(`${url}/here`)).toEqual({ isError: false, output: 'there' });
    expect(await fetched(`${url}/in`)).toMatchObject({ isError: true, output: expect.stringContaining('not public') });
  });

  it.each([
    'http://127.0.0.2/',
    'http://[::1]/',
    'http://10.0.0.1/',
    'file:///etc/passwd',
    'http://u:p@example.com/',
    'no',
  ])('does not read %s', async (address) => {
    expect(await fetched(address)).toMatchObject({ isError: true });
  });

  it('tells that nobody answers', async () => {
    const port = await freePort();
    const output = expect.stringContaining('ECONNREFUSED');
    expect(await fetched(`http://127.0.0.1:${port}/`)).toMatchObject({ isError: true, output });
    expect(await fetched('http://127.0.0.1:25/')).toMatchObject({ output: expect.stringContaining('bad port') });
  });
});
