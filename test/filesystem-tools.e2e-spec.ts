import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FilesystemServer } from '../src/modules/workspaces/filesystem.server.js';
import { WorkspaceTurns } from '../src/modules/workspaces/workspace-turns.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Conversations, manyModels } from './conversations.js';
import { toolCaller, type CallTool } from './filesystem-calls.js';
import { Given, type Tenant } from './given.js';
import { png } from './sample-files.js';
import { saying } from './upstream/reply.js';
import { listedPaths, putFile, rawRequest } from './working-files.js';

let app: TestApp;
let tenant: Tenant;
let as: Client;
let session: string;
let call: CallTool;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), UPLOAD_MAX_BYTES: '3000000' });
  tenant = await new Given(app).tenant();
  ({ as } = tenant);
}, 60_000);

afterAll(() => app.close());

beforeEach(async () => {
  session = (await as.post('/sessions', {}).expect(201)).json<{ id: string }>().id;
  call = toolCaller(app.nest.get(FilesystemServer), tenant.tenantId, session);
});

async function told(name: string, input: Record<string, unknown>): Promise<string> {
  const { isError, output } = await call(name, input);
  if (isError) throw new Error(output);
  return output;
}

describe('The filesystem', () => {
  it('offers what the contract names, and says of each what may be repeated', () => {
    const { tools } = app.nest.get(FilesystemServer);
    expect(Object.fromEntries(tools.map(({ name, idempotent }) => [name, idempotent]))).toEqual({
      ...{ read: true, list: true, info: true, search: true, write: true, create: false, delete: false },
    });
  });

  it('does nothing of what was given up while it waited for its turn', async () => {
    await putFile(as, session, 'kept.txt', 'Kept');
    const [begun, done] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const turn = runAs(Actor.job(tenant.tenantId), () =>
      app.nest.get(WorkspaceTurns).take(session, () => (begun.resolve(undefined), done.promise)),
    );
    await begun.promise;
    const calls = new AbortController();
    const waiting = [
      call('write', { path: 'late.txt', content: 'Late' }, calls.signal),
      call('write', { path: 'kept.txt', content: 'Late' }, calls.signal),
      call('create', { path: 'late' }, calls.signal),
      call('delete', { path: 'kept.txt' }, calls.signal),
    ].map((answer) => answer.then(({ output }) => output, String));
    // All are in line by then.
    await new Promise((resolve) => setTimeout(resolve, 300));
    calls.abort(new Error('given up'));
    done.resolve(undefined);
    await turn;
    expect(await Promise.all(waiting)).toEqual(Array(4).fill('Error: given up'));
    expect(await listedPaths(as, session)).toEqual(['kept.txt']);
    expect((await as.get(`/sessions/${session}/files/kept.txt`).expect(200)).text).toBe('Kept');
  });

  it('writes, reads, lists, tells and deletes what people see too', async () => {
    expect(await told('write', { path: 'docs/a.txt', content: 'Grüße' })).toBe('Created docs/a.txt (7 bytes)');
    expect(await told('write', { path: 'docs/a.txt', content: 'Hi' })).toBe('Replaced docs/a.txt (2 bytes)');
    expect((await as.get(`/sessions/${session}/files/docs/a.txt`).expect(200)).text).toBe('Hi');
    await putFile(as, session, 'b.txt', 'Bye');
    expect(await told('read', { path: 'b.txt' })).toBe('Bye');
    expect(await told('create', { path: 'new/deep' })).toBe('Created the folder new/deep');
    for (const path of ['.', '', '/']) expect(await told('list', { path })).toBe('b.txt (3 bytes)\ndocs/\nnew/');
    expect(await told('list', { path: 'docs' })).toBe('docs/a.txt (2 bytes)');
    expect(await told('list', { path: 'new/deep' })).toBe('The folder is empty');
    expect(JSON.parse(await told('info', { path: 'docs/a.txt' }))).toEqual({
      ...{ path: 'docs/a.txt', type: 'file', sizeBytes: 2, mimeType: 'text/plain', updatedAt: expect.any(String) },
    });
    expect(JSON.parse(await told('info', { path: 'docs' }))).toMatchObject({ path: 'docs', type: 'folder' });
    expect(await told('delete', { path: 'docs/a.txt' })).toBe('Deleted docs/a.txt');
    expect(await told('delete', { path: 'docs' })).toBe('Deleted docs');
    expect(await listedPaths(as, session)).toEqual(['b.txt']);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['read', { path: 'none' }, 'File not found'],
    ['read', { path: 'docs' }, 'File not found'],
    ['read', { path: '../a' }, 'path must not hold the name ..'],
    ['read', { path: '/etc/passwd' }, 'path must not be empty, begin or end with /, or hold an empty name'],
    ['list', { path: 'docs/a.txt' }, 'Folder not found'],
    ['info', { path: 'none/x' }, 'File not found'],
    ['write', { path: 'docs', content: 'x' }, 'docs is a folder'],
    ['write', { path: 'docs/a.txt/b', content: 'x' }, 'docs/a.txt is no folder'],
    ['write', { path: 'a', content: 'x'.repeat(3_000_001) }, 'A file must not be larger than 3000000 bytes'],
    ['write', { path: 'a\ud800', content: 'x' }, 'path must be well-formed Unicode'],
    ['create', { path: 'docs' }, 'There is a folder docs already'],
    ['create', { path: 'docs/a.txt' }, 'docs/a.txt is no folder'],
    ['delete', { path: 'docs' }, 'The folder docs is not empty'],
    ['delete', { path: 'none' }, 'File not found'],
    ['search', { path: 'none', query: 'x' }, 'Folder not found'],
  ])('says what is wrong: %s %j', async (name, input, output) => {
    await told('write', { path: 'docs/a.txt', content: 'x' });
    expect(await call(name, input)).toMatchObject({ isError: true, output });
  });

  it('shows images, and says of other binary files that they are', async () => {
    const put = (path: string, body: Buffer) => rawRequest(as, 'PUT', `/sessions/${session}/files/${path}`, { body });
    await put('a.png', png());
    await put('b.bin', Buffer.from([0, 1, 2]));
    expect((await call('read', { path: 'a.png' })).content).toEqual([
      { type: 'image', data: png().toString('base64'), mimeType: 'image/png' },
    ]);
    expect(await told('read', { path: 'b.bin' })).toBe(
      'b.bin is a binary file of 3 bytes (application/octet-stream), and no text to read',
    );
  });

  it('gives the beginning of a long text, and says so', async () => {
    await told('write', { path: 'long', content: `a${'é'.repeat(700_000)}` });
    const output = await told('read', { path: 'long' });
    expect(output.startsWith('aéé')).toBe(true);
    expect(output).toContain('[cut here: the file has 1400001 bytes, these were the first 1048576]');
    expect(output).not.toContain('\ufffd');
  });

  it('finds names and contents, whatever the case, and no more than can be read', async () => {
    await told('write', { path: 'docs/Report.md', content: 'one\nThe REPORT is here\nthree' });
    await told('write', { path: 'b.txt', content: 'nothing' });
    await told('create', { path: 'reports' });
    expect(await told('search', { query: 'report' })).toBe(
      'docs/Report.md\ndocs/Report.md:2: The REPORT is here\nreports',
    );
    expect(await told('search', { path: 'docs', query: 'three' })).toBe('docs/Report.md:3: three');
    expect(await told('search', { path: 'reports', query: 'three' })).toBe('Nothing was found');
    for (let n = 0; n < 12; n++) await told('write', { path: `many/${n}`, content: 'needle\n'.repeat(50) });
    const hits = (await told('search', { query: 'needle' })).split('\n');
    expect(hits).toHaveLength(101);
    expect(hits.at(-1)).toBe('[cut after 100 results: there may be more]');
  });

  it('needs a session', async () => {
    const alone = toolCaller(app.nest.get(FilesystemServer), tenant.tenantId, null);
    expect(await alone('read', { path: 'a' })).toMatchObject({
      isError: true,
      output: 'filesystem works in the working directory of a session, and there is no session here',
    });
  });

  it('reads another tenant’s session as little as one that is closed is written', async () => {
    const other = await new Given(app).tenant();
    await told('write', { path: 'a', content: 'x' });
    const stranger = toolCaller(app.nest.get(FilesystemServer), other.tenantId, session);
    for (const [name, input] of Object.entries({
      read: { path: 'a' },
      list: { path: '.' },
      write: { path: 'a', content: 'y' },
      create: { path: 'b' },
      search: { query: 'x' },
    }))
      expect([name, await stranger(name, input)]).toMatchObject([name, { isError: true, output: 'Session not found' }]);
    await as.post(`/sessions/${session}/complete`).expect(200);
    expect((await call('write', { path: 'a', content: 'y' })).output).toContain('The session is completed');
    expect(await told('read', { path: 'a' })).toBe('x');
  });
});

describe('In a conversation', () => {
  it('the model works with files that the person finds there', async () => {
    const talks = new Conversations(app);
    const talk = await talks.start({ tools: ['filesystem:*'], permissionPolicy: { default: 'allow' } });
    const use = (name: string, input: Record<string, unknown>) => ({ steps: [{ toolUse: { name, input } }] });
    const { message } = await talks.ask(talk, [
      use('filesystem__write', { path: 'notes/plan.md', content: '# Plan' }),
      use('filesystem__read', { path: 'notes/plan.md' }),
      use('filesystem__read', { path: '../../../etc/passwd' }),
      saying('Done'),
    ]);
    expect(message?.toolCalls.map(({ isError, output }) => [isError, output])).toEqual([
      [false, 'Created notes/plan.md (6 bytes)'],
      [false, '# Plan'],
      [true, 'path must not hold the name ..'],
    ]);
    const { data } = (await talk.as.get(`/sessions/${talk.sessionId}/files`).expect(200)).json<{ data: object[] }>();
    expect(data).toMatchObject([{ path: 'notes/plan.md', sizeBytes: 6, mimeType: 'text/markdown' }]);
  });
});
