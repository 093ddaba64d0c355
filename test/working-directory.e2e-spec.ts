import { existsSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { extract } from 'tar-stream';
import { Readable } from 'node:stream';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Given, type Member, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import {
  encodedPath,
  folderOf,
  listedPaths,
  lying,
  putFile,
  rawRequest,
  tenantSql,
  workspaces,
} from './working-files.js';

const LIMIT = 200_000;
const MAX_BYTES = 500_000;
const MAX_FILES = 40;

let app: TestApp;
let given: Given;
let tenant: Tenant;
let someone: Member;
let as: Client;
let session: string;

beforeAll(async () => {
  app = await startApp({
    UPLOAD_MAX_BYTES: String(LIMIT),
    WORKSPACE_MAX_BYTES: String(MAX_BYTES),
    WORKSPACE_MAX_FILES: String(MAX_FILES),
  });
  given = new Given(app);
  tenant = await given.tenant();
  someone = await given.member(tenant, 'member');
  ({ as } = someone);
}, 60_000);

afterAll(() => app.close());

beforeEach(async () => {
  session = await newSession();
});

async function newSession(body: object = {}, of = as): Promise<string> {
  return (await of.post('/sessions', body).expect(201)).json<{ id: string }>().id;
}

function put(path: string, content: string, of = as): ReturnType<typeof putFile> {
  return putFile(of, session, path, content);
}

function url(path: string): string {
  return `/sessions/${session}/files/${encodedPath(path)}`;
}

async function counted(): Promise<[bytes: number, files: number, entries: number]> {
  const [row] = await tenantSql<{ size_bytes: string; file_count: number; entry_count: number }>(
    app,
    tenant.tenantId,
    session,
    `SELECT size_bytes, file_count, entry_count FROM workspaces WHERE tenant_id = :tenantId AND session_id = :session`,
  );
  return row ? [Number(row.size_bytes), row.file_count, row.entry_count] : [0, 0, 0];
}

describe('A file of a working directory', () => {
  it('is made, read, replaced and deleted', async () => {
    const made = await put('docs/Grüße 1.md', '# Hello');
    expect([made.status, made.json()]).toEqual([
      201,
      { path: 'docs/Grüße 1.md', sizeBytes: 7, mimeType: 'text/markdown', updatedAt: expect.any(String) },
    ]);
    const read = await as.get(url('docs/Grüße 1.md')).expect(200);
    expect(read.text).toBe('# Hello');
    expect(Object.fromEntries(read.headers)).toMatchObject({
      'content-type': 'text/markdown',
      'content-length': '7',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
      'content-security-policy': expect.stringContaining('sandbox'),
      'content-disposition': expect.stringMatching(/^attachment; filename="[^/"]+"; filename\*=UTF-8''Gr%C3%BC/),
    });
    const replaced = await put('docs/Grüße 1.md', 'Bye');
    expect([replaced.status, replaced.json()['sizeBytes']]).toEqual([200, 3]);
    expect(await counted()).toEqual([3, 1, 2]);
    expect((await as.get(url('docs/Grüße 1.md'))).headers.get('etag')).not.toBe(read.headers.get('etag'));
    expect((await as.delete(url('docs/Grüße 1.md')).expect(204)).text).toBe('');
    await as.get(url('docs/Grüße 1.md')).expect(404);
    await as.delete(url('docs/Grüße 1.md')).expect(404);
    expect(await counted()).toEqual([0, 0, 1]);
  });

  it('holds any bytes, whatever they are said to be', async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 0, 1, 2, 3]);
    for (const type of ['application/json', 'text/plain; charset=utf-16', 'multipart/form-data; boundary=x', '']) {
      const headers = { 'content-type': type };
      const answer = await rawRequest(as, 'PUT', url('a.bin'), { body: bytes, headers });
      expect(answer.json()).toMatchObject({ path: 'a.bin', sizeBytes: 8, mimeType: 'application/octet-stream' });
      expect((await rawRequest(as, 'GET', url('a.bin'))).bytes).toEqual(bytes);
    }
    const headers = { 'content-encoding': 'gzip' };
    expect((await rawRequest(as, 'PUT', url('a.bin'), { body: bytes, headers })).status).toBe(415);
  });

  it('may be empty', async () => {
    expect((await rawRequest(as, 'PUT', url('empty'))).json()).toMatchObject({ path: 'empty', sizeBytes: 0 });
    const read = await as.get(url('empty')).expect(200);
    expect([read.text, read.headers.get('content-length')]).toEqual(['', '0']);
    await as.get(url('empty'), { range: 'bytes=0-0' }).expect(416);
  });

  it('is named by its path, however that is written', async () => {
    await put('a/b c/d%2e.txt', 'x');
    const written = ['a/b%20c/d%252e.txt', 'a%2Fb%20c%2Fd%252e.txt', '%61/b%20c%2fd%252e.txt'];
    for (const path of written)
      expect((await rawRequest(as, 'GET', `/sessions/${session}/files/${path}`)).text).toBe('x');
    expect((await rawRequest(as, 'GET', `/sessions/${session}/files/a/b%20c/d%2e.txt`)).status).toBe(404);
  });

  it('is neither executable nor anybody else’s on the machine', async () => {
    await put('bin/run.sh', '#!/bin/sh');
    const path = join(folderOf(app, tenant.tenantId, session), 'bin/run.sh');
    expect([statSync(path).mode & 0o777, statSync(join(path, '..')).mode & 0o777]).toEqual([0o600, 0o700]);
  });

  it.each<[string, string, number, string | null, string]>([
    ['the first bytes', 'bytes=0-3', 206, 'bytes 0-3/10', '0123'],
    ['the last bytes', 'bytes=-3', 206, 'bytes 7-9/10', '789'],
    ['all from a byte on', 'bytes=8-', 206, 'bytes 8-9/10', '89'],
    ['more than there is', 'bytes=5-99', 206, 'bytes 5-9/10', '56789'],
    ['a suffix longer than the file', 'bytes=-99', 206, 'bytes 0-9/10', '0123456789'],
    ['several', 'bytes=0-1,3-4', 200, null, '0123456789'],
    ['other units', 'lines=0-1', 200, null, '0123456789'],
    ['nonsense', 'bytes=x', 200, null, '0123456789'],
    ['what is beyond the end', 'bytes=10-', 416, 'bytes */10', ''],
  ])('answers a range: %s', async (_what, range, status, contentRange, text) => {
    await put('a.txt', '0123456789');
    const answer = await as.get(url('a.txt'), { range });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([status, contentRange]);
    if (status < 400) expect(answer.text).toBe(text);
  });

  it('answers conditions', async () => {
    await put('a.txt', '0123456789');
    const etag = (await as.get(url('a.txt')).expect(200)).headers.get('etag') ?? '';
    expect((await as.get(url('a.txt'), { 'if-none-match': etag })).status).toBe(304);
    expect((await as.get(url('a.txt'), { range: 'bytes=0-0', 'if-range': etag })).status).toBe(206);
    expect((await as.get(url('a.txt'), { range: 'bytes=0-0', 'if-range': '"other"' })).text).toBe('0123456789');
  });

  it('stands where no folder does, and the other way round', async () => {
    await put('a/b.txt', 'x');
    for (const path of ['a', 'a/b.txt/c', 'a/b.txt/c/d']) expect((await put(path, 'x')).status).toBe(409);
    await as.get(url('a')).expect(404);
    await as.get(url('a/b.txt/c')).expect(404);
    await as.delete(url('a')).expect(409);
    await as.delete(url('a/b.txt')).expect(204);
    await as.delete(url('a')).expect(204);
    expect((await put('a', 'x')).status).toBe(201);
    expect(await counted()).toEqual([1, 1, 1]);
  });

  it.each([
    ['%2e%2e', '..'],
    ['a/%2e%2e/b', 'a/../b'],
    ['..%2fa', '../a'],
    ['./a', './a'],
    ['a//b', 'a//b'],
    ['/a', '/a'],
    ['a/', 'a/'],
    ['a%00', 'NUL'],
    ['a%5cb', 'a\\b'],
    ['x'.repeat(256), 'a long name'],
    [`${'0123456789/'.repeat(30)}${`${'x'.repeat(250)}/`.repeat(3)}a`, 'a long path'],
    [`${'a/'.repeat(64)}a`, 'a deep path'],
  ])('can not be named %s', async (path) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await rawRequest(
        as,
        method,
        `/sessions/${session}/files/${path}`,
        method === 'PUT' ? { body: 'x' } : {},
      );
      expect([method, answer.status, faultyFields(answer)]).toEqual([method, 422, ['path']]);
    }
    expect(lying(folderOf(app, tenant.tenantId, session))).toEqual([]);
  });

  it('can have a path of 1,024 bytes', async () => {
    const path = `${'a/'.repeat(63)}bc`;
    expect((await put(path, 'x')).status).toBe(413);
    const shorter = `${'0123456789/'.repeat(30)}${'x'.repeat(255)}/${'y'.repeat(255)}/${'z'.repeat(182)}`;
    expect((await put(shorter, 'x')).status).toBe(201);
    expect(Buffer.byteLength(shorter)).toBe(1_024);
    expect(await listedPaths(as, session)).toEqual([shorter]);
  });
});

describe('A body', () => {
  function left(): string[] {
    return [...lying(workspaces(app))];
  }

  it('of exactly the limit is taken, of a byte more is not', async () => {
    expect((await put('a', 'x'.repeat(LIMIT))).status).toBe(201);
    const before = left();
    const answer = await put('b', 'x'.repeat(LIMIT + 1));
    expect([answer.status, answer.json()]).toEqual([
      413,
      expect.objectContaining({ code: 'payload_too_large', details: { limitBytes: LIMIT } }),
    ]);
    expect(left()).toEqual(before);
  });

  it('that does not say how large it is is cut at the limit', async () => {
    const before = left();
    const headers = { 'transfer-encoding': 'chunked' };
    const answer = await rawRequest(as, 'PUT', url('a'), { body: Buffer.alloc(5_000_000), headers });
    expect(answer.status).toBe(413);
    expect(left()).toEqual(before);
    await as.get(url('a')).expect(404);
  });

  it('whose sender is gone in the middle leaves what was there', async () => {
    await put('a', 'old');
    const before = left();
    const { hostname, port } = new URL(app.url);
    const request = httpRequest({
      ...{ hostname, port, method: 'PUT', path: `/api/v1${url('a')}` },
      headers: { authorization: `Bearer ${someone.accessToken}`, 'content-length': '100000' },
    });
    request.on('error', () => undefined);
    request.write('new');
    await eventually(
      () => left().length,
      (now) => now > before.length,
    );
    request.destroy();
    await eventually(
      () => left(),
      (now) => JSON.stringify(now) === JSON.stringify(before),
    );
    expect((await as.get(url('a')).expect(200)).text).toBe('old');
  });

  it('of several writers to one path stays whole, and the last one counts', async () => {
    const texts = Array.from({ length: 12 }, (_none, index) => String(index).repeat(5_000 + index));
    const answers = await Promise.all(texts.map((text) => put('shared.txt', text)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 11 }, () => 200), 201]);
    const { text } = await as.get(url('shared.txt')).expect(200);
    expect(texts).toContain(text);
    expect(await counted()).toEqual([Buffer.byteLength(text), 1, 1]);
    expect(lying(join(workspaces(app), 'drafts'))).toEqual([]);
  });

  it('that would be too much for the directory is refused', async () => {
    for (const name of ['a', 'b']) expect((await put(name, 'x'.repeat(LIMIT))).status).toBe(201);
    const answer = await put('c', 'x'.repeat(LIMIT));
    expect([answer.status, answer.json()['details']]).toEqual([413, { limitBytes: MAX_BYTES, usedBytes: 2 * LIMIT }]);
    expect((await put('a', 'x'.repeat(LIMIT))).status).toBe(200);
    expect((await put('c', 'x'.repeat(MAX_BYTES - 2 * LIMIT))).status).toBe(201);
    expect(await counted()).toEqual([MAX_BYTES, 3, 3]);
  });

  it('that would be one too many for the directory is refused', async () => {
    for (let index = 0; index < MAX_FILES; index++) await put(`f${index}`, 'x');
    expect((await put('more', 'x')).json()['details']).toEqual({ limitFiles: MAX_FILES });
    expect((await put('f0', 'xx')).status).toBe(200);
    await as.delete(url('f0')).expect(204);
    expect((await put('d/more', 'x')).status).toBe(413);
    expect((await put('more', 'x')).status).toBe(201);
    expect(existsSync(join(folderOf(app, tenant.tenantId, session), 'd'))).toBe(false);
  });
});

describe('The list', () => {
  const PATHS = ['a-b', 'a.txt', 'a/b', 'a/b.c', 'a/c/d/e', 'a0', 'b', 'É', 'é'];

  it('has the files of all depths, by path, in pages', async () => {
    expect(await listedPaths(as, session)).toEqual([]);
    for (const path of [...PATHS].reverse()) await put(path, path);
    expect(await listedPaths(as, session)).toEqual([...PATHS].sort());
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: string = cursor === null ? '' : `&cursor=${cursor}`;
      const answer = await as.get(`/sessions/${session}/files?limit=2${page}`).expect(200);
      const { data, nextCursor } = answer.json<{
        data: { path: string; sizeBytes: number }[];
        nextCursor: string | null;
      }>();
      seen.push(...data.map(({ path }) => path));
      for (const { path, sizeBytes } of data) expect(sizeBytes).toBe(Buffer.byteLength(path));
      cursor = nextCursor;
      // What is added before the place where one is does not move it.
      if (seen.length === 4) await put('a/a', 'x');
    } while (cursor !== null);
    expect(seen).toEqual([...PATHS].sort());
  });

  it('takes no cursor of another list', async () => {
    for (const path of PATHS) await put(path, path);
    const first = await as.get(`/sessions/${session}/files?limit=1`).expect(200);
    const cursor = first.json<{ nextCursor: string }>().nextCursor;
    await as.get(`/sessions?cursor=${cursor}`).expect(400);
    await as.get(`/sessions/${session}/files?cursor=x`).expect(400);
    expect(faultyFields(await as.get(`/sessions/${session}/files?archive=zip`).expect(422))).toEqual(['archive']);
  });

  it('comes as an archive too', async () => {
    for (const path of [...PATHS, 'x'.repeat(200)]) await put(path, path);
    await rawRequest(as, 'PUT', url('empty'));
    const answer = await rawRequest(as, 'GET', `/sessions/${session}/files?archive=tar.gz`);
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
      200,
      'application/gzip',
      `attachment; filename=${session}.tar.gz`,
    ]);
    const found: Record<string, string> = {};
    const tar = Readable.from([gunzipSync(answer.bytes)]).pipe(extract());
    for await (const entry of tar) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      expect(entry.header.mode & 0o111).toBe(entry.header.type === 'directory' ? 0o111 : 0);
      if (entry.header.type === 'file') found[entry.header.name] = Buffer.concat(chunks).toString();
    }
    expect(found).toEqual({
      ...Object.fromEntries([...PATHS, 'x'.repeat(200)].map((path) => [path, path])),
      empty: '',
    });
  });

  it('is empty as an archive where there is nothing', async () => {
    const { bytes } = await rawRequest(as, 'GET', `/sessions/${session}/files?archive=tar.gz`);
    expect(gunzipSync(bytes)).toEqual(Buffer.alloc(1024));
  });
});

describe('Who may', () => {
  it('see the session may see its files, and members may change them', async () => {
    await put('a', 'x');
    const [stranger, viewer] = [await given.member(tenant, 'member'), await given.member(tenant, 'viewer')];
    const other = await given.tenant();
    for (const client of [stranger.as, viewer.as, other.as]) {
      await client.get(`/sessions/${session}/files`).expect(404);
      await client.get(`/sessions/${session}/files?archive=tar.gz`).expect(404);
      await client.get(url('a')).expect(404);
      if (client === viewer.as) continue;
      expect((await put('a', 'y', client)).status).toBe(404);
      await client.delete(url('a')).expect(404);
      expect((await rawRequest(client, 'PUT', `/sessions/${session}/files/%2e%2e`)).status).toBe(404);
    }
    session = await newSession({ visibility: 'tenant' });
    await put('a', 'x');
    expect((await put('a', 'y', stranger.as)).status).toBe(200);
    expect((await viewer.as.get(url('a')).expect(200)).text).toBe('y');
    expect((await put('a', 'z', viewer.as)).status).toBe(403);
    await viewer.as.delete(url('a')).expect(403);
    await other.as.get(url('a')).expect(404);
    await as.delete(`/sessions/${session}`).expect(204);
    await as.get(url('a')).expect(404);
  });

  it('change the files of a closed session is nobody', async () => {
    await put('a', 'x');
    await as.post(`/sessions/${session}/complete`).expect(200);
    expect((await put('a', 'y')).status).toBe(409);
    await as.delete(url('a')).expect(409);
    expect((await as.get(url('a')).expect(200)).text).toBe('x');
    await as.post(`/sessions/${session}/resume`).expect(200);
    expect((await put('a', 'y')).status).toBe(200);
  });

  it('has done what is in the audit log', async () => {
    await put('docs/a', 'x');
    await as.delete(url('docs/a')).expect(204);
    const { data } = (await tenant.as.get(`/audit-logs?resourceId=${session}`).expect(200)).json<{
      data: { action: string; actorId: string }[];
    }>();
    expect(data.filter(({ actorId }) => actorId === someone.userId).map(({ action }) => action)).toEqual([
      'workspaceFile.deleted',
      'workspaceFile.written',
      'session.created',
    ]);
  });
});
