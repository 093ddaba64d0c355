import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { WorkspacesSweeper } from '../src/modules/workspaces/workspaces.sweeper.js';
import { TenantBytes } from '../src/platform/storage/tenant-bytes.js';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { FakeS3 } from './fake-s3.js';
import { Given, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import { createTestStore, type TestStore } from './test-store.js';
import { encodedPath, folderOf, listedPaths, lying, putFile, tenantSql, workspaces } from './working-files.js';

interface Row {
  place: string;
  wanted: string;
  archive_id: string | null;
  size_bytes: number;
  file_count: number;
  entry_count: number;
  uncounted: boolean;
  due_at: Date | null;
  lease_until: Date | null;
}

const TEXTS: Record<string, string> = {
  'a.txt': 'a',
  'docs/Grüße.md': '# Grüße',
  'docs/deep/er/b.bin': '\0\x01',
  empty: '',
  [`${'long/'.repeat(60)}x`]: 'x',
};

const s3 = new FakeS3();

describe.each(['on the disk', 'in S3'])('With archives %s', (where) => {
  let app: TestApp;
  let tenant: Tenant;
  let as: Client;
  let session: string;
  let folder: string;

  beforeAll(async () => {
    if (where === 'in S3') await s3.start();
    app = await startApp(where === 'in S3' ? s3.environment : {});
    tenant = await new Given(app).tenant();
    ({ as } = tenant);
  }, 60_000);

  afterAll(async () => {
    await app.close();
    if (where === 'in S3') await s3.stop();
  });

  beforeEach(async () => {
    session = (await as.post('/sessions', {}).expect(201)).json<{ id: string }>().id;
    folder = folderOf(app, tenant.tenantId, session);
    for (const [path, text] of Object.entries(TEXTS)) expect((await putFile(as, session, path, text)).status).toBe(201);
    await as.send('POST', `/sessions/${session}/pause`).expect(200);
  });

  function url(path: string): string {
    return `/sessions/${session}/files/${encodedPath(path)}`;
  }

  function sql<R>(text: string, of = session): Promise<R[]> {
    return tenantSql<R>(app, tenant.tenantId, of, text);
  }

  async function row(): Promise<Row | undefined> {
    const [found] = await sql<Row>('SELECT * FROM workspaces WHERE tenant_id = :tenantId AND session_id = :session');
    return found && { ...found, size_bytes: Number(found.size_bytes) };
  }

  /** The ids of stored archives. */
  function archives(): string[] {
    if (where === 'in S3') return [...s3.objects.keys()].filter((name) => name.startsWith('archives/'));
    return lying(join(app.store.environment['DATA_DIR'] ?? '', 'archives')).filter(
      (path) => /^[\da-f-]+\/[\da-f-]+$/.test(path) && !path.startsWith('drafts'),
    );
  }

  async function contents(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const path of await listedPaths(as, session)) found[path] = (await as.get(url(path)).expect(200)).text;
    return found;
  }

  function sweep(): Promise<undefined> {
    return app.nest.get(WorkspacesSweeper).sweep();
  }

  async function archived(): Promise<Row> {
    await as.post(`/sessions/${session}/archive`).expect(200);
    const found = await eventually(row, (now) => now?.place === 'archive' && now.lease_until === null);
    return found!;
  }

  it('a working directory goes with its session, and comes back as it was', async () => {
    const before = (await as.get(`/sessions/${session}/files?limit=100`).expect(200)).json<{ data: object[] }>().data;
    const { size_bytes: size, file_count: files, entry_count: entries, archive_id: id } = await archived();
    const counts = Object.values(TEXTS).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    expect([size, files, entries]).toEqual([counts, 5, 5 + 3 + 60]);
    expect(existsSync(folder)).toBe(false);
    expect(archives().filter((name) => name.endsWith(id!))).toHaveLength(1);
    await as.post(`/sessions/${session}/resume`).expect(200);
    await eventually(row, (now) => now?.wanted === 'folder');
    expect((await as.get(`/sessions/${session}/files?limit=100`).expect(200)).json()).toEqual({
      data: before,
      nextCursor: null,
    });
    expect(await contents()).toEqual(TEXTS);
    expect((await putFile(as, session, 'new', 'new')).status).toBe(201);
    expect(await row()).toMatchObject({ place: 'folder', archive_id: null, size_bytes: counts + 3, file_count: 6 });
  });

  it('an archived one is read, by many at once, and not changed', async () => {
    await archived();
    const answers = await Promise.all([
      ...Object.keys(TEXTS).map((path) => as.get(url(path))),
      as.get(`/sessions/${session}/files`),
      as.get(`/sessions/${session}/files?archive=tar.gz`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.slice(0, 5).map(({ text }) => text)).toEqual(Object.values(TEXTS));
    expect((await putFile(as, session, 'a.txt', 'y')).status).toBe(409);
    await as.delete(url('a.txt')).expect(409);
    const read = await row();
    expect([read?.place, read?.wanted, read?.due_at === null]).toEqual(['folder', 'archive', false]);
    // Some time later it is put away again, as the archive it came from.
    await sql('UPDATE workspaces SET due_at = now() WHERE tenant_id = :tenantId AND session_id = :session');
    await sweep();
    expect(await row()).toMatchObject({ place: 'archive', archive_id: read?.archive_id, due_at: null });
    expect(existsSync(folder)).toBe(false);
    expect(await contents()).toEqual(TEXTS);
  });

  it('archived again, it is what it has become', async () => {
    const first = await archived();
    await as.post(`/sessions/${session}/resume`).expect(200);
    await eventually(row, (now) => now?.wanted === 'folder');
    await contents();
    // Even where it was not through Atrium.
    writeFileSync(join(folder, 'a.txt'), 'changed');
    const second = await archived();
    expect(second.archive_id).not.toBe(first.archive_id);
    expect((await contents())['a.txt']).toBe('changed');
  });

  it('archived and resumed in one breath, it is where it belongs', async () => {
    for (let turn = 0; turn < 3; turn++) {
      await as.post(`/sessions/${session}/archive`).expect(200);
      await as.post(`/sessions/${session}/resume`).expect(200);
      expect((await putFile(as, session, `turn-${turn}`, 'x')).status).toBe(201);
    }
    expect(await listedPaths(as, session)).toEqual([...Object.keys(TEXTS), 'turn-0', 'turn-1', 'turn-2'].sort());
    expect((await archived()).file_count).toBe(8);
    expect((await listedPaths(as, session)).length).toBe(8);
  });

  it('of a session that has none, nothing is archived', async () => {
    const { id } = (await as.post('/sessions', {}).expect(201)).json<{ id: string }>();
    await as.post(`/sessions/${id}/archive`).expect(200);
    expect(await listedPaths(as, id)).toEqual([]);
    expect(await sql('SELECT 1 FROM workspaces WHERE tenant_id = :tenantId AND session_id = :session', id)).toEqual([]);
  });

  it.each<[string, () => Promise<void>]>([
    ['before it began', async () => undefined],
    [
      'when the archive was stored and nobody knew',
      async () => {
        await sql(
          "UPDATE workspaces SET lease_until = now() - interval '1 second' WHERE tenant_id = :tenantId AND session_id = :session",
        );
      },
    ],
    [
      'when the folder was still there',
      async () => {
        await sweep();
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, 'a.txt'), 'left over');
        await sql(
          "UPDATE workspaces SET lease_until = now() - interval '1 second', due_at = now() WHERE tenant_id = :tenantId AND session_id = :session",
        );
      },
    ],
  ])('a process that dies %s loses nothing', async (_when, die) => {
    await archived();
    await as.post(`/sessions/${session}/resume`).expect(200);
    await eventually(row, (now) => now?.wanted === 'folder');
    await contents();
    await sql(
      "UPDATE workspaces SET wanted = 'archive', due_at = now() WHERE tenant_id = :tenantId AND session_id = :session",
    );
    await die();
    await sweep();
    await eventually(row, (now) => now?.place === 'archive' && now.lease_until === null);
    expect(existsSync(folder)).toBe(false);
    expect(await contents()).toEqual(TEXTS);
  });

  it('one that died while it was bringing it back loses nothing', async () => {
    await archived();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'half'), 'x');
    await sql(
      "UPDATE workspaces SET lease_until = now() - interval '1 second', uncounted = true WHERE tenant_id = :tenantId AND session_id = :session",
    );
    expect(await contents()).toEqual(TEXTS);
    expect((await row())?.uncounted).toBe(false);
  });

  it('what one that died has written and not counted is counted', async () => {
    const { size_bytes: size, file_count: files } = (await row())!;
    writeFileSync(join(folder, 'uncounted'), 'x'.repeat(1_000));
    await sql(
      "UPDATE workspaces SET lease_until = now() - interval '1 second' WHERE tenant_id = :tenantId AND session_id = :session",
    );
    await sweep();
    expect(await row()).toMatchObject({
      size_bytes: size + 1_000,
      file_count: files + 1,
      uncounted: false,
      lease_until: null,
    });
    writeFileSync(join(folder, 'more'), 'x'.repeat(500));
    await sql(
      "UPDATE workspaces SET lease_until = now() - interval '1 second' WHERE tenant_id = :tenantId AND session_id = :session",
    );
    expect((await putFile(as, session, 'last', 'xx')).status).toBe(201);
    expect(await row()).toMatchObject({ size_bytes: size + 1_502, file_count: files + 3 });
  });

  it('those of a deleted session go when their time is over', async () => {
    const isArchived = where === 'on the disk';
    if (isArchived) await archived();
    await as.delete(`/sessions/${session}`).expect(204);
    const kept = await eventually(row, (now) => now?.wanted === 'nothing');
    expect(kept?.due_at?.getTime()).toBeGreaterThan(Date.now() + 29 * 24 * 3_600_000);
    await sweep();
    expect(isArchived ? archives().some((name) => name.endsWith(kept!.archive_id!)) : existsSync(folder)).toBe(true);
    await sql('UPDATE workspaces SET due_at = now() WHERE tenant_id = :tenantId AND session_id = :session');
    await sweep();
    expect(await row()).toBeUndefined();
    expect(existsSync(folder)).toBe(false);
    if (isArchived) expect(archives().some((name) => name.endsWith(kept!.archive_id!))).toBe(false);
  });

  it('leftovers of nobody are deleted when they are old, and no others', async () => {
    const { archive_id: id } = await archived();
    const old = new Date(Date.now() - 48 * 3_600_000);
    const stray = folderOf(app, tenant.tenantId, v7());
    const alien = folderOf(app, v7(), v7());
    const draft = join(workspaces(app), 'drafts', v7());
    for (const path of [stray, alien, draft]) {
      mkdirSync(path, { recursive: true });
      utimesSync(path, old, old);
    }
    const fresh = folderOf(app, tenant.tenantId, v7());
    mkdirSync(fresh);
    const strayArchive = `${tenant.tenantId}/${v7()}`;
    if (where === 'in S3') {
      s3.objects.set(`archives/${strayArchive}`, { bytes: Buffer.from('x'), at: old });
      for (const stored of s3.objects.values()) stored.at = old;
    } else {
      const path = join(app.store.environment['DATA_DIR'] ?? '', 'archives', strayArchive);
      writeFileSync(path, 'x');
      utimesSync(path, old, old);
      utimesSync(join(dirname(path), id!), old, old);
    }
    await app.nest.get(WorkspacesSweeper).deleteLeftovers();
    expect([stray, alien, draft, fresh].map((path) => existsSync(path))).toEqual([false, true, false, true]);
    expect(archives().some((name) => name.endsWith(strayArchive))).toBe(false);
    expect(archives().some((name) => name.endsWith(id!))).toBe(true);
    rmSync(alien, { recursive: true });
  });

  it('all of a tenant goes with it', async () => {
    const { archive_id: id } = await archived();
    const other = (await as.post('/sessions', {}).expect(201)).json<{ id: string }>().id;
    await putFile(as, other, 'a', 'x');
    await app.nest.get(TenantBytes).eraseAll(tenant.tenantId);
    expect(existsSync(join(workspaces(app), tenant.tenantId))).toBe(false);
    expect(archives().some((name) => name.endsWith(id!))).toBe(false);
  });
});

const onServices = process.env['TEST_REDIS_URL'] === undefined ? describe.skip : describe;

onServices('Two processes with one folder', () => {
  let store: TestStore;
  let apps: TestApp[] = [];
  let clients: Client[];
  let tenantId: string;

  beforeAll(async () => {
    store = await createTestStore();
    apps = [await startApp({}, store), await startApp({}, store)];
    const { owner, ...tenant } = await new Given(apps[0]!).tenant();
    ({ tenantId } = tenant);
    clients = apps.map(({ url }) => new Client(url, owner.accessToken));
  }, 60_000);

  afterAll(async () => {
    for (const app of apps) await app.close();
    await store.drop();
  });

  it('change the files of a session in turns, and bring them back once', async () => {
    const [here, there] = clients as [Client, Client];
    const { id } = (await here.post('/sessions', {}).expect(201)).json<{ id: string }>();
    const texts = Array.from({ length: 30 }, (_none, n) => String(n % 10).repeat(100 + n));
    const answers = await Promise.all(
      texts.map((text, n) => putFile(n % 2 ? here : there, id, n % 3 ? 'shared' : `own/${n}`, text)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(11);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
    const shared = (await here.get(`/sessions/${id}/files/shared`).expect(200)).text;
    const own = texts.filter((_text, n) => n % 3 === 0);
    const size = [shared, ...own].reduce((sum, text) => sum + text.length, 0);
    const row = async () => {
      const text = 'SELECT * FROM workspaces WHERE tenant_id = :tenantId AND session_id = :session';
      const rows = await tenantSql<Row>(apps[0]!, tenantId, id, text);
      return { ...rows[0]!, size_bytes: Number(rows[0]!.size_bytes) };
    };
    expect(await row()).toMatchObject({ size_bytes: size, file_count: 11, entry_count: 12, uncounted: false });
    await there.post(`/sessions/${id}/archive`).expect(200);
    await eventually(row, ({ place, lease_until: lease }) => place === 'archive' && lease === null);
    const reads = await Promise.all(
      texts.map((_text, n) => (n % 2 ? here : there).get(`/sessions/${id}/files/shared`)),
    );
    expect(new Set(reads.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set([`200 ${shared}`]));
    expect(await row()).toMatchObject({ place: 'folder', size_bytes: size, file_count: 11, entry_count: 12 });
  });
});
