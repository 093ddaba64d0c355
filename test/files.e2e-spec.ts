import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { FileBytesSweeper } from '../src/modules/sessions/files/file-bytes.sweeper.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Answer, Client } from './client.js';
import { Given, type Member, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import { formOf, gif, jpeg, pdf, png, upload, webp, type Uploaded } from './sample-files.js';

const LIMIT = 200_000;
const MULTIPART = 'multipart/form-data; boundary=x';

let app: TestApp;
let given: Given;
let tenant: Tenant;
let someone: Member;

beforeAll(async () => {
  app = await startApp({ UPLOAD_MAX_BYTES: String(LIMIT) });
  given = new Given(app);
  tenant = await given.tenant();
  someone = await given.member(tenant, 'member');
}, 60_000);

afterAll(() => app.close());

/** What lies on the disk, drafts included. */
function onDisk(part = ''): string[] {
  const folder = join(app.store.environment['DATA_DIR'] ?? '', 'files', part);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The answer, when it has left nothing behind. */
async function leavesNothing(send: () => PromiseLike<Answer>): Promise<Answer> {
  const before = onDisk();
  const answer = await send();
  await eventually(
    () => onDisk(),
    (now) => JSON.stringify(now) === JSON.stringify(before),
  );
  return answer;
}

function post(form: FormData, as = someone.as): PromiseLike<Answer> {
  return as.post('/files', form);
}

function raw(body: string | Buffer, type = MULTIPART): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${app.url}/api/v1/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${someone.accessToken}`, 'content-type': type },
    });
    request.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          const headers = new Headers(response.headers as Record<string, string>);
          resolve(new Answer(response.statusCode ?? 0, headers, Buffer.concat(chunks).toString()));
        });
    });
    request.end(body);
  });
}

const part = (text: string, disposition = 'form-data; name="file"; filename="a.txt"') =>
  `--x\r\nContent-Disposition: ${disposition}\r\n\r\n${text}\r\n`;

describe('An upload', () => {
  it('is answered with what it is, and shown and handed out again as it came', async () => {
    const bytes = 'Grüße aus Köln\n';
    const file = await upload(someone.as, bytes, 'Grüße, 1.txt');
    expect(file).toEqual({
      id: expect.any(String),
      name: 'Grüße, 1.txt',
      mimeType: 'text/plain',
      sizeBytes: Buffer.byteLength(bytes),
      createdAt: expect.any(String),
    });
    expect((await someone.as.get(`/files/${file.id}`).expect(200)).json()).toEqual(file);
    const content = await someone.as.get(`/files/${file.id}/content`).expect(200);
    expect(content.text).toBe(bytes);
    expect(content.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(content.headers.get('content-length')).toBe(String(file.sizeBytes));
    expect(content.headers.get('x-content-type-options')).toBe('nosniff');
    expect(content.headers.get('content-security-policy')).toContain('sandbox');
    const disposition = content.headers.get('content-disposition') ?? '';
    expect(disposition).toMatch(/^attachment; filename="/);
    expect(disposition).toContain("filename*=UTF-8''Gr%C3%BC%C3%9Fe%2C%201.txt");
  });

  it.each<[string, Buffer | string, string, string]>([
    ['a PNG said to be a PDF', png(), 'report.pdf', 'image/png'],
    ['a PNG without extension', png(), 'picture', 'image/png'],
    ['a JPEG behind long previews', jpeg(10, 20, 120_000), 'a.jpg', 'image/jpeg'],
    ['a GIF that is a script as well', Buffer.concat([gif(), Buffer.from('/*alert(1)*/')]), 'a.js', 'image/gif'],
    ['a WebP', webp(), 'a.webp', 'image/webp'],
    ['a PDF said to be a text', pdf('Hello'), 'a.txt', 'application/pdf'],
    ['a page posing as a picture', '<html><script>alert(1)</script>', 'a.png', 'text/plain'],
    ['a page', '<!doctype html><script>alert(1)</script>', 'a.html', 'text/plain'],
    ['a drawing that can run', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 'a.svg', 'text/plain'],
    ['a text with a byte order mark', '\ufeffa;b', 'a.csv', 'text/csv'],
    ['Markdown', '# Title', 'README.MD', 'text/markdown'],
    ['code', 'const a = 1;', 'a.ts', 'text/plain'],
    ['JSON', '{"a":1}', 'a.json', 'text/plain'],
  ])('is taken for what it is: %s', async (_what, bytes, name, mimeType) => {
    const file = await upload(someone.as, bytes, name, 'application/pdf');
    expect(file.mimeType).toBe(mimeType);
    const content = await someone.as.get(`/files/${file.id}/content`).expect(200);
    expect(content.headers.get('content-type')?.split(';')[0]).toBe(mimeType);
    expect(content.headers.get('content-disposition')).toMatch(/^attachment/);
  });

  it.each<[string, Buffer]>([
    ['a program', Buffer.from('MZ\x90\0\x03\0\0\0', 'latin1')],
    ['an archive', Buffer.from('PK\x03\x04\x14\0\0\0', 'latin1')],
    ['text in UTF-16', Buffer.from('\ufeffHello', 'utf16le')],
    ['text in Latin-1', Buffer.from('Grüße', 'latin1')],
    ['text with NUL', Buffer.from('a\0b')],
    ['text whose last character is cut', Buffer.from('Grüß').subarray(0, -1)],
    ['an old picture', Buffer.from('BM\x46\0\0\0\0\0', 'latin1')],
  ])('of %s is of no kind that is taken, whatever it is called', async (_what, bytes) => {
    const answer = await leavesNothing(() => post(formOf(bytes, 'picture.png', 'image/png')));
    expect([answer.status, answer.json()['code']]).toEqual([415, 'unsupported_media_type']);
  });

  it.each<[string, Buffer]>([
    ['PNG', png(1, 1, { width: 8_001, height: 1 })],
    ['PNG beyond all bounds', png(1, 1, { width: 4_294_967_295, height: 4_294_967_295 })],
    ['JPEG', jpeg(10, 65_535)],
    ['GIF', gif(8_001, 8_001)],
    ['WebP', webp(16_000, 16_000)],
  ])('of an image that unpacks to too much is refused: %s', async (_what, bytes) => {
    const answer = await leavesNothing(() => post(formOf(bytes)));
    expect([answer.status, faultyFields(answer)]).toEqual([422, ['file']]);
    expect(answer.json()['message']).toContain('8000 pixels a side');
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['a PNG that ends at once', png().subarray(0, 12)],
    ['a JPEG without a frame', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 1])],
    ['a GIF of no size', gif(0, 0)],
  ])('of %s is refused', async (_what, bytes) => {
    const answer = await leavesNothing(() => post(formOf(bytes)));
    expect([answer.status, faultyFields(answer)]).toEqual([422, ['file']]);
  });

  it.each([
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['C:\\Users\\me\\a.txt', 'a.txt'],
    ['..', 'file'],
    ['a/', 'file'],
    ['a\u202etxt.exe', 'atxt.exe'],
    ['tab\there', 'tabhere'],
    [`${'x'.repeat(300)}.md`, `${'x'.repeat(252)}.md`],
    ['💥'.repeat(200), '💥'.repeat(127)],
  ])('named %j is named %j', async (name, shown) => {
    const before = onDisk().length;
    const file = await upload(someone.as, 'text', name);
    expect(file.name).toBe(shown);
    const paths = onDisk();
    expect(paths).toHaveLength(before + 1);
    expect(paths).toContain(join(app.store.environment['DATA_DIR'] ?? '', 'files', tenant.tenantId, file.id));
  });

  it('named with what is no text is refused', async () => {
    const answer = await leavesNothing(() => raw(`${part('x', 'form-data; name="file"; filename="a\0b"')}--x--\r\n`));
    expect([answer.status, faultyFields(answer)]).toEqual([422, ['file.name']]);
  });

  it('is readable by nobody else on the machine', async () => {
    const { id } = await upload(someone.as, 'text');
    const path = onDisk(tenant.tenantId).find((name) => name.endsWith(id)) ?? '';
    expect([statSync(path).mode & 0o777, statSync(join(path, '..')).mode & 0o777]).toEqual([0o600, 0o700]);
  });
});

describe('A body', () => {
  it('with a file of exactly the limit is taken, of a byte more is not', async () => {
    expect((await upload(someone.as, 'x'.repeat(LIMIT))).sizeBytes).toBe(LIMIT);
    const answer = await leavesNothing(() => post(formOf('x'.repeat(LIMIT + 1))));
    expect([answer.status, answer.json()]).toEqual([
      413,
      expect.objectContaining({ code: 'payload_too_large', details: { limitBytes: LIMIT } }),
    ]);
  });

  it('that is far too large is refused, told beforehand or not', async () => {
    const huge = 'x'.repeat(10_000_000);
    expect((await leavesNothing(() => post(formOf(huge)))).status).toBe(413);
    expect((await leavesNothing(() => raw(`${part(huge)}--x--\r\n`))).status).toBe(413);
    const junk = `${part('x')}${part(huge, 'form-data; name="file"; filename="b"')}--x--\r\n`;
    expect((await leavesNothing(() => raw(junk))).status).toBe(413);
    expect((await leavesNothing(() => raw(`--x\r\n\r\n${huge}\r\n--x--\r\n`))).status).toBe(413);
  });

  it.each([
    ['JSON', 'application/json', '{}'],
    ['a urlencoded form', 'application/x-www-form-urlencoded', 'file=x'],
    ['another multipart', 'multipart/mixed; boundary=x', '--x--\r\n'],
    ['plain bytes', 'image/png', 'x'],
  ])('that is %s is of no kind that is taken', async (_what, type, body) => {
    expect((await leavesNothing(() => raw(body, type))).status).toBe(415);
  });

  it.each([
    ['has no boundary', part('x'), 'multipart/form-data; charset=x'],
    ['ends in the middle of the file', part('x'), MULTIPART],
    ['ends in the middle of a header', '--x\r\nContent-Disposition: form-data; na', MULTIPART],
    ['is not multipart', 'hello', MULTIPART],
    ['holds a thousand fields', `${part('x', 'form-data; name="a"').repeat(1000)}--x--\r\n`, MULTIPART],
  ])('that %s is broken', async (_what, body, type) => {
    expect((await leavesNothing(() => raw(body, type))).status).toBe(400);
  });

  it.each<[string, () => FormData, string[]]>([
    ['without a file', () => new FormData(), ['file']],
    ['with a text for a file', () => withField(new FormData(), 'file', 'text'), ['file']],
    ['with two files', () => withFile(formOf('a'), 'file'), ['file']],
    ['with a file of another name', () => withFile(formOf('a'), 'picture'), ['picture']],
    ['with a field nobody asked for', () => withField(formOf('a'), 'id', v7()), ['id']],
    ['with a field named like a method', () => withField(formOf('a'), 'constructor', 'x'), ['constructor']],
    ['with a prototype', () => withField(formOf('a'), '__proto__', 'x'), ['__proto__']],
  ])('%s is refused', async (_what, form, fields) => {
    const answer = await leavesNothing(() => post(form()));
    expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
  });

  it('that is not there is one without a file', async () => {
    const answer = await someone.as.post('/files').expect(422);
    expect(faultyFields(answer)).toEqual(['file']);
  });

  it('whose sender is gone in the middle leaves nothing', async () => {
    const before = onDisk();
    const request = httpRequest(`${app.url}/api/v1/files`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${someone.accessToken}`,
        'content-type': 'multipart/form-data; boundary=x',
        'content-length': '100000',
      },
    });
    request.on('error', () => undefined);
    request.write(part('x'.repeat(50_000)).slice(0, -10));
    await eventually(
      () => onDisk('drafts'),
      (drafts) => drafts.length > 0,
    );
    request.destroy();
    await eventually(
      () => onDisk(),
      (now) => now.length === before.length,
    );
    expect(onDisk()).toEqual(before);
  });

  it('of those who may not upload is not read', async () => {
    const viewer = await given.member(tenant, 'viewer');
    expect((await leavesNothing(() => post(formOf('a'), viewer.as))).json()['code']).toBe('authorization_error');
    expect((await leavesNothing(() => post(formOf('a'), new Client(app.url)))).status).toBe(401);
    const { key } = (await someone.as.post('/api-keys', { name: 'k', scopes: ['files:read'] }).expect(201)).json<{
      key: string;
    }>();
    expect((await leavesNothing(() => post(formOf('a'), new Client(app.url, key)))).status).toBe(403);
  });
});

describe('The content of a file', () => {
  let file: Uploaded;
  const bytes = '0123456789';

  beforeAll(async () => {
    file = await upload(someone.as, bytes);
  });

  it.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=5-99', '56789', 'bytes 5-9/10'],
  ])('is handed out in part: %s', async (range, text, told) => {
    const answer = await someone.as.get(`/files/${file.id}/content`, { range }).expect(206);
    expect([answer.text, answer.headers.get('content-range')]).toEqual([text, told]);
    expect(answer.headers.get('content-length')).toBe(String(text.length));
  });

  it.each(['bytes=0-1,4-5', 'lines=1-2', 'bytes=x'])('is handed out whole for %j', async (range) => {
    expect((await someone.as.get(`/files/${file.id}/content`, { range }).expect(200)).text).toBe(bytes);
  });

  it('has no part behind its end', async () => {
    const answer = await someone.as.get(`/files/${file.id}/content`, { range: 'bytes=10-' }).expect(416);
    expect(answer.headers.get('content-range')).toBe('bytes */10');
    expect(answer.json()['error']).toBe(true);
  });

  it('is not sent again to who has it, and a part only of the same', async () => {
    const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
    const path = `/files/${file.id}/content`;
    expect((await someone.as.get(path).expect(200)).headers.get('etag')).toBe(etag);
    expect((await someone.as.get(path, { 'if-none-match': etag }).expect(304)).text).toBe('');
    await someone.as.get(path, { 'if-none-match': '"other"' }).expect(200);
    await someone.as.get(path, { range: 'bytes=0-1', 'if-range': etag }).expect(206);
    await someone.as.get(path, { range: 'bytes=0-1', 'if-range': '"other"' }).expect(200);
  });
});

describe('A file that no message uses', () => {
  it("is its uploader's alone", async () => {
    const { id } = await upload(someone.as, 'mine');
    const other = await given.member(tenant, 'member');
    const stranger = await given.tenant();
    for (const as of [other.as, tenant.as, stranger.as]) {
      await as.get(`/files/${id}`).expect(404);
      await as.get(`/files/${id}/content`).expect(404);
      await as.delete(`/files/${id}`).expect(404);
    }
    await someone.as.get(`/files/${id}`).expect(200);
  });

  it('is gone with its bytes when it is deleted', async () => {
    const { id } = await upload(someone.as, 'mine');
    expect(onDisk().some((path) => path.endsWith(id))).toBe(true);
    await someone.as.delete(`/files/${id}`).expect(204);
    await eventually(
      () => onDisk().some((path) => path.endsWith(id)),
      (isThere) => !isThere,
    );
    await someone.as.get(`/files/${id}`).expect(404);
    await someone.as.get(`/files/${id}/content`).expect(404);
    await someone.as.delete(`/files/${id}`).expect(404);
  });

  it('stands in the audit log, and so does its end', async () => {
    const { id } = await upload(someone.as, 'mine', 'a.txt');
    await someone.as.delete(`/files/${id}`).expect(204);
    const { data } = (await tenant.as.get(`/audit-logs?resourceId=${id}`).expect(200)).json<{
      data: { action: string; actorId: string }[];
    }>();
    expect(data.map(({ action, actorId }) => [action, actorId])).toEqual([
      ['file.deleted', someone.userId],
      ['file.created', someone.userId],
    ]);
  });
});

describe('The same upload again with its key', () => {
  const keyed = (key = randomUUID()) => ({ 'idempotency-key': key });

  it('is answered alike and stored once, whatever the boundary', async () => {
    const key = keyed();
    const first = await someone.as.post('/files', formOf('once'), key).expect(201);
    const again = await leavesNothing(() => someone.as.post('/files', formOf('once'), key));
    expect([again.status, again.json()]).toEqual([201, first.json()]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it.each<[string, () => FormData]>([
    ['other bytes', () => formOf('twice')],
    ['another name', () => formOf('once', 'other.txt')],
  ])('and %s is refused', async (_what, other) => {
    const key = keyed();
    await someone.as.post('/files', formOf('once'), key).expect(201);
    const answer = await leavesNothing(() => someone.as.post('/files', other(), key));
    expect([answer.status, answer.json()['code']]).toEqual([422, 'idempotency_conflict']);
  });
});

describe('Bytes that nobody knows of', () => {
  const old = new Date(Date.now() - 25 * 3_600_000);

  it('are swept up when they are a day old; those of files, of other installations and of uploads under way are not', async () => {
    const file = await upload(someone.as, 'known');
    const orphan = await upload(someone.as, 'unknown');
    const fresh = await upload(someone.as, 'fresh');
    await app.nest.get(FileBytesSweeper).sweep();
    await runAs(Actor.job(tenant.tenantId), () =>
      app.nest.get(Db).sql('DELETE FROM files WHERE tenant_id = :tenantId AND id = ANY(:ids::uuid[])', {
        ids: [orphan.id, fresh.id],
      }),
    );
    for (const { id } of [file, orphan]) utimesSync(onDisk().find((path) => path.endsWith(id)) ?? '', old, old);
    await app.nest.get(FileBytesSweeper).sweep();
    const left = onDisk().join();
    expect([file, orphan, fresh].map(({ id }) => left.includes(id))).toEqual([true, false, true]);
  });
});

function withField(form: FormData, name: string, value: string): FormData {
  form.append(name, value);
  return form;
}

function withFile(form: FormData, name: string): FormData {
  form.append(name, new File(['b'], 'b.txt'));
  return form;
}
