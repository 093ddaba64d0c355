import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { McpFoldersSweeper } from '../src/modules/mcp/mcp-folders.sweeper.js';
import { TenantBytes } from '../src/platform/storage/tenant-bytes.js';
import { startApp, type TestApp } from './app.js';
import { Given } from './given.js';

const SCRIPT = join(import.meta.dirname, 'mcp', 'stdio-server.mjs');

let app: TestApp;

beforeAll(async () => {
  const registry = join(mkdtempSync(join(tmpdir(), 'atrium-mcp-')), 'commands.json');
  writeFileSync(registry, JSON.stringify({ odd: { command: process.execPath, args: [SCRIPT] } }));
  app = await startApp({ MCP_STDIO_REGISTRY: registry, EGRESS_ALLOW: '127.0.0.0/8' });
}, 60_000);
afterAll(() => app.close());

const pathOf = (...names: string[]): string => join(app.store.environment['DATA_DIR'] ?? '', 'mcp', ...names);

/** A server that has been started, and has kept something. */
async function started() {
  const { as, tenantId } = await new Given(app).tenant();
  const body = { name: 'odd', transport: 'stdio', command: 'odd' };
  const { id } = (await as.post('/mcp/servers', body).expect(201)).json<{ id: string }>();
  await as.get(`/mcp/servers/${id}/discover`).expect(200);
  return { as, tenantId, id, path: kept(tenantId, id) };
}

function kept(...names: string[]): string {
  const path = pathOf(...names);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'memory.json'), 'Ada likes engines');
  return path;
}

describe('What the process of a server keeps', () => {
  it('goes with the tenant', async () => {
    const [leaving, staying] = [await started(), await started()];
    await app.nest.get(TenantBytes).eraseAll(leaving.tenantId);
    expect(existsSync(pathOf(leaving.tenantId))).toBe(false);
    expect(existsSync(join(staying.path, 'memory.json'))).toBe(true);
    // An erasure that was broken off is begun again.
    await app.nest.get(TenantBytes).eraseAll(leaving.tenantId);
  });

  it('goes with the server, also where it has become another', async () => {
    const { as, id, path } = await started();
    await as.patch(`/mcp/servers/${id}`, { transport: 'http', url: 'http://127.0.0.1:1/mcp' }).expect(200);
    await as.delete(`/mcp/servers/${id}`).expect(204);
    expect(existsSync(path)).toBe(false);
  });

  it('goes later where nobody did it then, and nothing else goes', async () => {
    const { tenantId, path } = await started();
    const stray = kept(tenantId, v7());
    const halfGone = kept('removed', v7());
    const alien = kept(v7(), v7());
    const odd = kept(tenantId, 'no-id');
    await app.nest.get(McpFoldersSweeper).sweep();
    expect([stray, halfGone, path, alien, odd].map((folder) => existsSync(folder))).toEqual([
      ...[false, false, true, true, true],
    ]);
  });
});
