import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { WorkspacesSweeper } from '../src/modules/workspaces/workspaces.sweeper.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Given, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import { folderOf, listedPaths, lying, putFile, tenantSql } from './working-files.js';

interface Row {
  place: string;
  wanted: string;
  due_at: Date | null;
  lease_until: Date | null;
}

let app: TestApp;
let tenant: Tenant;
let as: Client;
let session: string;
let folder: string;

beforeAll(async () => {
  app = await startApp();
  tenant = await new Given(app).tenant();
  ({ as } = tenant);
}, 60_000);
afterAll(() => app.close());

beforeEach(async () => {
  session = (await as.post('/sessions', {}).expect(201)).json<{ id: string }>().id;
  folder = folderOf(app, tenant.tenantId, session);
  for (const path of ['a.txt', 'docs/b']) expect((await putFile(as, session, path, 'text')).status).toBe(201);
});

const OURS = 'WHERE tenant_id = :tenantId AND session_id = :session';

async function row(): Promise<Row | undefined> {
  return (await tenantSql<Row>(app, tenant.tenantId, session, `SELECT * FROM workspaces ${OURS}`))[0];
}

async function change(assignments: string): Promise<void> {
  await tenantSql(app, tenant.tenantId, session, `UPDATE workspaces SET ${assignments} ${OURS}`);
}

function sweep(): Promise<undefined> {
  return app.nest.get(WorkspacesSweeper).sweep();
}

it('Files that are not on the disk that is looked at are neither put away nor counted', async () => {
  const before = await row();
  const elsewhere = `${folder}-elsewhere`;
  renameSync(folder, elsewhere);
  await as.post(`/sessions/${session}/archive`).expect(200);
  const soon = Date.now() + 200_000;
  await eventually(row, (now) => (now?.due_at?.getTime() ?? 0) > soon && now?.lease_until === null);
  const same = { place: 'folder', archive_id: null, file_count: 2, entry_count: 3 };
  expect(before).toMatchObject(same);
  expect(await row()).toMatchObject({ ...same, wanted: 'archive', uncounted: false });
  expect(lying(join(app.store.environment['DATA_DIR'] ?? '', 'archives', tenant.tenantId))).toEqual([]);
  for (const dueAt of ['NULL', 'now()']) {
    await change(`uncounted = true, due_at = ${dueAt}`);
    await sweep();
    const postponed = await eventually(row, (now) => (now?.due_at?.getTime() ?? 0) > soon && now?.lease_until === null);
    expect(postponed).toMatchObject({ ...same, uncounted: true });
  }
  renameSync(elsewhere, folder);
  await change('due_at = now()');
  await sweep();
  await eventually(row, (now) => now?.place === 'archive' && now.lease_until === null);
  expect(await listedPaths(as, session)).toEqual(['a.txt', 'docs/b']);
});

it('Files of a deleted session need not be there to be gone', async () => {
  await as.delete(`/sessions/${session}`).expect(204);
  await eventually(row, (now) => now?.wanted === 'nothing');
  rmSync(folder, { recursive: true });
  await change('uncounted = true, due_at = now()');
  await sweep();
  await eventually(row, (now) => now === undefined);
});
