import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FilesystemServer } from '../src/modules/workspaces/filesystem.server.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { toolCaller, type CallTool } from './filesystem-calls.js';
import { Given, type Tenant } from './given.js';
import { encodedPath, folderOf, listedPaths, lying, putFile, rawRequest, workspaces } from './working-files.js';
import { publicLines } from './public-data.js';

const lines = publicLines('vectors/path-traversal.txt');
const SECRET = 'what nobody may see';

let app: TestApp;
let tenant: Tenant;
let as: Client;
let session: string;
let folder: string;
let outside: string;
let call: CallTool;

beforeAll(async () => {
  app = await startApp();
  tenant = await new Given(app).tenant();
  ({ as } = tenant);
}, 60_000);

afterAll(() => app.close());

beforeEach(async () => {
  session = (await as.post('/sessions', {}).expect(201)).json<{ id: string }>().id;
  folder = folderOf(app, tenant.tenantId, session);
  outside = mkdtempSync(join(tmpdir(), 'atrium-outside-'));
  writeFileSync(join(outside, 'secret.txt'), SECRET);
  mkdirSync(join(outside, 'inner'));
  call = toolCaller(app.nest.get(FilesystemServer), tenant.tenantId, session);
});

/** What surrounds the session's folder, to be the same afterwards. */
function around(): string[] {
  const own = folder.slice(workspaces(app).length + 1);
  return [...lying(workspaces(app)).filter((path) => !path.startsWith(own)), ...lying(outside)];
}

function url(path: string): string {
  return `/sessions/${session}/files/${encodedPath(path)}`;
}

(lines.length > 0 ? describe : describe.skip)('A path that leads elsewhere', () => {
  /** What can stand in a request line. */
  const writable = (line: string) => line.replace(/[^\x21-\x7e]/g, encodeURIComponent);

  it.each<[string, (line: string) => string]>([
    ['as it is', writable],
    ['encoded', encodeURIComponent],
    ['encoded name by name', encodedPath],
    ['behind a folder', (line) => `docs/${writable(line)}`],
    ['behind a folder, encoded', (line) => `docs%2F${encodeURIComponent(line)}`],
  ])('in the address, %s, leads nowhere', async (_how, written) => {
    await putFile(as, session, 'docs/a', 'x');
    const before = around();
    for (const line of lines) {
      for (const method of ['PUT', 'GET', 'DELETE']) {
        const path = `/sessions/${session}/files/${written(line)}`;
        const answer = await rawRequest(as, method, path, method === 'PUT' ? { body: 'ours' } : {});
        expect([method, line, answer.status]).toEqual([method, line, expect.any(Number)]);
        expect([line, [200, 201, 204, 400, 404, 409, 413, 422].includes(answer.status)]).toEqual([line, true]);
        if (method === 'GET' && answer.status === 200) expect([line, answer.text]).toEqual([line, 'ours']);
      }
    }
    expect(around()).toEqual(before);
    expect(readFileSync('/etc/passwd', 'utf8')).not.toContain('ours');
  });

  it('as the input of a tool leads nowhere', async () => {
    await putFile(as, session, 'docs/a', 'x');
    const before = around();
    for (const line of lines.flatMap((text) => [text, safelyDecoded(text)])) {
      const written = await call('write', { path: line, content: 'ours' });
      const read = await call('read', { path: line });
      expect([line, read.isError]).toEqual([line, written.isError]);
      if (!read.isError) expect([line, read.output]).toEqual([line, 'ours']);
      for (const name of ['list', 'info', 'create', 'delete']) await call(name, { path: line });
      expect((await call('search', { path: line, query: 'root:' })).output).not.toContain('root:');
    }
    expect(around()).toEqual(before);
  });
});

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

describe('A link in the working directory', () => {
  const LINKS: [string, () => void][] = [
    ['to a file outside', () => symlinkSync(join(outside, 'secret.txt'), join(folder, 'link'))],
    ['to a file beside it', () => symlinkSync('plain.txt', join(folder, 'link'))],
    ['to nothing', () => symlinkSync(join(outside, 'none'), join(folder, 'link'))],
    [
      'to another link',
      () => {
        symlinkSync(join(outside, 'secret.txt'), join(folder, 'first'));
        symlinkSync('first', join(folder, 'link'));
      },
    ],
    ['to itself', () => symlinkSync('link', join(folder, 'link'))],
    ['that shares a file outside', () => linkSync(join(outside, 'secret.txt'), join(folder, 'link'))],
    ['to a device', () => symlinkSync('/dev/zero', join(folder, 'link'))],
  ];

  it.each(LINKS)('%s is not read, not listed and not written through', async (_what, make) => {
    await putFile(as, session, 'plain.txt', 'plain');
    make();
    const before = lying(outside);
    await as.get(url('link')).expect(404);
    for (const name of ['read', 'info']) expect((await call(name, { path: 'link' })).isError).toBe(true);
    expect((await call('list', { path: '.' })).output).not.toContain('link');
    expect((await call('search', { query: 'nobody' })).output).toBe('Nothing was found');
    expect(await listedPaths(as, session)).toEqual(['plain.txt']);
    const tar = (await rawRequest(as, 'GET', `/sessions/${session}/files?archive=tar.gz`)).bytes;
    expect(gunzipSync(tar).includes(SECRET)).toBe(false);
    expect((await putFile(as, session, 'link', 'ours')).status).toBe(201);
    expect(lstatSync(join(folder, 'link')).isFile()).toBe(true);
    expect([lying(outside), readFileSync(join(outside, 'secret.txt'), 'utf8')]).toEqual([before, SECRET]);
    expect((await as.get(url('link')).expect(200)).text).toBe('ours');
  });

  it.each<[string, () => void]>([
    ['to a folder outside', () => symlinkSync(outside, join(folder, 'link'))],
    ['to the folder of all sessions', () => symlinkSync('../..', join(folder, 'link'))],
    ['to the root', () => symlinkSync('/', join(folder, 'link'))],
    ['to a folder beside it', () => symlinkSync('docs', join(folder, 'link'))],
    [
      'in a chain',
      () => {
        symlinkSync(outside, join(folder, 'docs', 'first'));
        symlinkSync('docs/first', join(folder, 'link'));
      },
    ],
  ])('%s is not gone through', async (_what, make) => {
    await putFile(as, session, 'docs/a', 'x');
    make();
    const before = around();
    for (const path of ['link/secret.txt', 'link/inner/x', 'link/a', 'link/etc/hostname', 'link/new/deep/x']) {
      await as.get(url(path)).expect(404);
      await as.delete(url(path)).expect(404);
      expect((await putFile(as, session, path, 'ours')).status).toBe(409);
      for (const name of ['read', 'list', 'info', 'delete', 'create'])
        expect([name, (await call(name, { path })).isError]).toEqual([name, true]);
    }
    expect((await call('list', { path: 'link' })).isError).toBe(true);
    expect(await listedPaths(as, session)).toEqual(['docs/a']);
    expect(around()).toEqual(before);
    expect(existsSync(join(folder, 'docs', 'new'))).toBe(false);
    await as.delete(url('link')).expect(204);
    expect(lying(outside)).toEqual(['inner', 'secret.txt']);
  });

  it('in place of the session’s own folder is not gone through', async () => {
    await putFile(as, session, 'a', 'x');
    rmSync(folder, { recursive: true });
    symlinkSync(outside, folder);
    await as.get(url('secret.txt')).expect(404);
    expect(await listedPaths(as, session)).toEqual([]);
    expect((await putFile(as, session, 'ours', 'x')).status).toBeGreaterThanOrEqual(400);
    expect(lying(outside)).toEqual(['inner', 'secret.txt']);
    unlinkSync(folder);
  });
});

describe('What is no plain file', () => {
  it('is not waited for, and not read', async () => {
    await putFile(as, session, 'plain.txt', 'x');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await as.get(url('pipe')).expect(404);
    expect((await call('read', { path: 'pipe' })).isError).toBe(true);
    expect((await call('search', { query: 'x' })).output).toBe('plain.txt\nplain.txt:1: x');
    expect(await listedPaths(as, session)).toEqual(['plain.txt']);
    expect((await putFile(as, session, 'pipe/x', 'x')).status).toBe(409);
    expect((await putFile(as, session, 'pipe', 'x')).status).toBe(201);
  });
});

/** Writers make the folder anew when it is missing: what is in the way goes, until the change has come to pass. */
function insistently(path: string, change: () => void): void {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    try {
      change();
      return;
    } catch {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

describe('While somebody keeps putting a link in place of a folder', () => {
  it('nothing is read or written outside', async () => {
    await putFile(as, session, 'docs/secret.txt', 'inside');
    const [docs, aside] = [join(folder, 'docs'), join(folder, 'aside')];
    const over = new AbortController();
    const swapping = (async () => {
      while (!over.signal.aborted) {
        insistently(docs, () => renameSync(docs, aside));
        insistently(docs, () => symlinkSync(outside, docs));
        await new Promise((resolve) => setImmediate(resolve));
        insistently(docs, () => renameSync(aside, docs));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    try {
      const seen = new Set<number>();
      // Until both were met: the folder, and the link in its place.
      const isMet = () => seen.has(200) && seen.has(201) && (seen.has(404) || seen.has(409));
      for (let turn = 0; turn < 80 || (!isMet() && turn < 2_000); turn++) {
        const [read, written, told] = await Promise.all([
          as.get(url('docs/secret.txt')),
          putFile(as, session, `docs/made-${turn}`, 'x'),
          call('search', { query: 'nobody may see' }),
        ]);
        expect(read.text).not.toContain(SECRET);
        expect(told.output).not.toContain('secret.txt:');
        for (const { status } of [read, written]) seen.add(status);
      }
      expect([...seen].filter((status) => status >= 500)).toEqual([]);
      expect(isMet()).toBe(true);
    } finally {
      over.abort();
      await swapping;
    }
    expect(lying(outside)).toEqual(['inner', 'secret.txt']);
  }, 60_000);
});
