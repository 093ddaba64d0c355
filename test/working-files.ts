import { existsSync, readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import type { TestApp } from './app.js';
import { Answer, type Client } from './client.js';

/** The folder of a session's working directory on the disk. */
export function folderOf(app: Pick<TestApp, 'store'>, tenantId: string, sessionId: string): string {
  return join(workspaces(app), tenantId, sessionId);
}

export function workspaces({ store }: Pick<TestApp, 'store'>): string {
  return join(store.environment['DATA_DIR'] ?? '', 'workspaces');
}

/** Everything that lies in a folder, at all depths. */
export function lying(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  // No link is followed, as `recursive` would.
  const below = ({ name }: { name: string }) => lying(join(folder, name)).map((path) => `${name}/${path}`);
  return entries.flatMap((entry) => [entry.name, ...(entry.isDirectory() ? below(entry) : [])]).sort();
}

export function putFile(as: Client, sessionId: string, path: string, content: string): Promise<Answer> {
  const type = { 'content-type': 'application/octet-stream' };
  return Promise.resolve(as.send('PUT', `/sessions/${sessionId}/files/${encodedPath(path)}`, content, type));
}

export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

export async function listedPaths(as: Client, sessionId: string, query = 'limit=100'): Promise<string[]> {
  const { data } = (await as.get(`/sessions/${sessionId}/files?${query}`).expect(200)).json<{
    data: { path: string }[];
  }>();
  return data.map(({ path }) => path);
}

/** As it is written, which `fetch` would tidy up first. */
export function rawRequest(
  as: Client,
  method: string,
  path: string,
  { body, headers = {} }: { body?: Buffer | string; headers?: Record<string, string> } = {},
): Promise<Answer & { bytes: Buffer }> {
  const { hostname, port } = new URL(as.url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...{ hostname, port, method, path: `/api/v1${path}` },
      headers: { authorization: `Bearer ${as.token}`, ...headers },
    });
    request.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const told = new Headers(response.headers as Record<string, string>);
        resolve(Object.assign(new Answer(response.statusCode ?? 0, told, bytes.toString()), { bytes }));
      });
    });
    request.end(body);
  });
}

/** SQL of the tenant; `:session` is the session's id. */
export function tenantSql<R>(
  { nest }: Pick<TestApp, 'nest'>,
  tenantId: string,
  session: string,
  text: string,
): Promise<R[]> {
  return runAs(Actor.job(tenantId), () => nest.get(Db).sql<R>(text, { session }));
}
