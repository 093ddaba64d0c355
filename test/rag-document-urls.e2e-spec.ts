import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChunkDto } from '../src/modules/rag/documents/chunks.dto.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import type { Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Answer } from './client.js';
import { collection, search, settled } from './collections.js';
import { Given, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import { pdf, png } from './sample-files.js';

const LIMIT = 100_000;

let app: TestApp;
let tenant: Tenant;
let server: Server;
let site: string;
let id: string;
let page: (response: ServerResponse, path: string) => void;
let asked: string[] = [];

beforeAll(async () => {
  app = await startApp({ EGRESS_ALLOW: '127.0.0.1', UPLOAD_MAX_BYTES: String(LIMIT) });
  tenant = await new Given(app).tenant();
  ({ id } = await collection(tenant.as));
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    page(response, request.url ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 60_000);
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await app.close();
});

function add(url: string, body: object = {}): PromiseLike<Answer> {
  return tenant.as.post('/rag/documents', { collectionId: id, url, ...body });
}

let pages = 0;

/** A page that answers so, once it was taken in. */
async function taken(
  answer: (response: ServerResponse, path: string) => void,
  { path = `/page-${++pages}`, ...body }: { path?: string; title?: string } = {},
): Promise<DocumentDto> {
  page = answer;
  return settled(tenant.as, (await add(`${site}${path}`, body).then((of) => of.json<Answered>())).document);
}

interface Answered {
  document: DocumentDto;
}

const saying =
  (type: string, body: string | Buffer, status = 200) =>
  (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': type }).end(body);

async function textOf(document: DocumentDto): Promise<string> {
  const { data } = (await tenant.as.get(`/rag/documents/${document.id}/chunks`).expect(200)).json<Listed<ChunkDto>>();
  return data.map(({ content }) => content).join('\n');
}

const HTML = `<!doctype html><html><head><title>Fish &amp; Chips</title></head><body><nav>Home | About</nav>
  <main><h1>Menu</h1><p>${'Cod is served with chips, and never with rice. '.repeat(5)}</p></main></body></html>`;

describe('A web page', () => {
  it('is known by its address until it was read, and then by its title, type and size', async () => {
    page = saying('text/html; charset=utf-8', HTML);
    const answer = await add(`${site}/menu`);
    const { document } = answer.json<Answered>();
    expect([answer.status, document]).toMatchObject([
      202,
      { title: `${site}/menu`, origin: `${site}/menu`, mimeType: null, sizeBytes: null, status: 'queued' },
    ]);
    const ready = await settled(tenant.as, document);
    expect(ready).toMatchObject({
      status: 'ready',
      title: 'Fish & Chips',
      mimeType: 'text/html',
      sizeBytes: HTML.length,
    });
    const text = await textOf(ready);
    expect(text).toContain('Cod is served');
    expect(text).not.toMatch(/About|<p>/);
    const again = await add(`${site}/menu`);
    expect([again.status, again.json<Answered>().document.id]).toEqual([200, ready.id]);
  });

  it('keeps the title that it was given', async () => {
    expect(await taken(saying('text/html', HTML), { title: 'Mine' })).toMatchObject({ title: 'Mine', status: 'ready' });
  });

  it.each<[string, string, string | Buffer, string, string]>([
    ['a PDF that is said to be a page', 'text/html', pdf('Whales'), 'application/pdf', 'Whales'],
    ['a text in Latin-1', 'text/plain; charset=ISO-8859-1', Buffer.from('Käse', 'latin1'), 'text/plain', 'Käse'],
    ['Markdown by its name', 'text/plain', '# Käse\n\ntext', 'text/markdown', 'text'],
    ['JSON', 'application/json', '{"cheese":"Gouda"}', 'application/json', 'Gouda'],
  ])('may be %s', async (_what, type, body, mimeType, text) => {
    const path = `/${++pages}${mimeType === 'text/markdown' ? '.md?raw=1' : ''}`;
    const ready = await taken(saying(type, body), { path });
    expect(ready).toMatchObject({ status: 'ready', mimeType });
    expect(await textOf(ready)).toContain(text);
  });

  it('is followed to where it has moved', async () => {
    const ready = await taken(
      (response, path) =>
        path === '/old' ? response.writeHead(301, { location: '/new' }).end() : saying('text/html', HTML)(response),
      { path: '/old' },
    );
    expect(ready).toMatchObject({ status: 'ready', origin: `${site}/old` });
  });

  it('may take its time', async () => {
    const slow = await taken((response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).write('Slow ');
      setTimeout(() => response.end('and steady'), 1_500);
    });
    expect(slow).toMatchObject({ status: 'ready', sizeBytes: 15 });
  });

  it('is asked for again when its server is in trouble', async () => {
    let troubles = 1;
    const ready = await taken((response) =>
      troubles-- > 0 ? response.writeHead(503).end() : saying('text/plain', 'There again')(response),
    );
    expect(ready).toMatchObject({ status: 'ready', error: null });
  });
});

describe('A web page that can not be taken in', () => {
  const MISSING = 'http://127.0.0.2:9/secret';

  it.each<[string, (response: ServerResponse) => unknown, string, RegExp]>([
    ['is not there', (response) => response.writeHead(404).end('Gone'), 'page_unavailable', /404/],
    ['wants to know who asks', (response) => response.writeHead(401).end('Who?'), 'page_unavailable', /401/],
    ['is empty', saying('text/html', ''), 'empty', /empty/],
    ['is an image', saying('image/png', png()), 'unsupported', /of no type that is taken \(image\/png\)/],
    ['is an image that is said to be text', saying('text/plain', png()), 'unsupported', /of no type/],
    ['is too large', saying('text/plain', 'x'.repeat(LIMIT + 1)), 'external_service_error', /more than 100000 bytes/],
    ['holds no text', saying('application/pdf', pdf('')), 'no_text', /OCR/],
    [
      'sends on to a private address',
      (response) => response.writeHead(302, { location: MISSING }).end(),
      'external_service_error',
      /127\.0\.0\.2 is not a public address|127\.0\.0\.2/,
    ],
    [
      'sends on to another kind of address',
      (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'external_service_error',
      /no way out/,
    ],
    [
      'sends in circles',
      (response) => response.writeHead(302, { location: '/round' }).end(),
      'external_service_error',
      /more than 5 times/,
    ],
  ])('since it %s, has failed and says so', async (_what, answer, code, message) => {
    const failed = await taken((response) => void answer(response));
    expect(failed).toMatchObject({ status: 'failed', chunkCount: 0, error: { code } });
    expect(failed.error?.message).toMatch(message);
  });
});

describe('A web page that has changed', () => {
  async function found(query: string): Promise<string[]> {
    return (await search(tenant.as, { collectionIds: [id], query, mode: 'keyword' })).map(({ content }) => content);
  }

  it('is found as it was until it was read again, and as it is from then on', async () => {
    const old = await taken(saying('text/plain', 'The zeppelin departs at noon.'), { path: '/timetable' });
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    page = (response) => void held.then(() => saying('text/plain', 'The airship departs at dusk.')(response));
    asked = [];
    const answer = await tenant.as.post(`/rag/documents/${old.id}/reindex`).expect(202);
    expect(answer.json<Answered>().document).toMatchObject({
      id: old.id,
      status: 'queued',
      progress: 0,
      chunkCount: 1,
    });
    await eventually(
      () => asked.length,
      (count) => count > 0,
    );
    expect(await found('zeppelin')).toEqual(['The zeppelin departs at noon.']);
    release();
    expect(await settled(tenant.as, old)).toMatchObject({ status: 'ready', chunkCount: 1 });
    expect([await found('zeppelin'), await found('airship')]).toEqual([[], ['The airship departs at dusk.']]);
    expect(await textOf(old)).toBe('The airship departs at dusk.');
  });

  it('is found as it was when it can not be read any more', async () => {
    const old = await taken(saying('text/plain', 'The bathyscaphe dives deep.'), { path: '/deep' });
    page = (response) => response.writeHead(410).end();
    await tenant.as.post(`/rag/documents/${old.id}/reindex`).expect(202);
    const failed = await settled(tenant.as, old);
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'page_unavailable' }, chunkCount: 1 });
    expect(await found('bathyscaphe')).toEqual(['The bathyscaphe dives deep.']);
    page = saying('text/plain', 'The submarine dives deeper.');
    await tenant.as.post(`/rag/documents/${old.id}/reindex`).expect(202);
    expect(await settled(tenant.as, old)).toMatchObject({ status: 'ready', error: null });
    expect([await found('bathyscaphe'), (await found('submarine')).length]).toEqual([[], 1]);
  });
});
