import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const SERVICES = join(import.meta.dirname, '..', '.ci', 'services');

export type StoreName = 'pg' | 'embedded';

/** Of `--store`. @throws Error */
export function readStores(name: string): StoreName[] {
  const stores: Record<string, StoreName[]> = { pg: ['pg'], embedded: ['embedded'], both: ['pg', 'embedded'] };
  const named = stores[name];
  if (!named) throw new Error('--store must be pg, embedded or both');
  return named;
}

interface Urls {
  runtime: string;
  migration: string;
  redis: string;
}

/** Postgres and Redis for the time of one benchmark. */
export class Services {
  private readonly databases: string[] = [];
  private readonly urls: Urls;
  /** Of services that were started for this. */
  private readonly folder: string | null;

  private constructor(urls: Urls, folder: string | null) {
    this.urls = urls;
    this.folder = folder;
  }

  /** Those of TEST_DATABASE_URL and TEST_REDIS_URL, else own ones by .ci/services; null where neither can be had. */
  static open(): Services | null {
    const given = urlsIn(process.env);
    if (given) return new Services(given, null);
    const folder = mkdtempSync(join(tmpdir(), 'atrium-bench-services-'));
    const { status } = spawnSync(SERVICES, ['start'], { stdio: ['ignore', 'ignore', 2], env: ownFolder(folder) });
    const file = join(folder, 'env');
    const urls = existsSync(file) ? urlsIn(variablesOf(readFileSync(file, 'utf8'))) : null;
    if (status === 0 && urls) return new Services(urls, folder);
    spawnSync(SERVICES, ['stop'], { stdio: 'ignore', env: ownFolder(folder) });
    return null;
  }

  /** The version of the server, with what matters for its speed. */
  async describe(): Promise<string> {
    const rows = await query<{ version: string; fsync: string }>(
      this.urls.migration,
      `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync`,
    );
    return rows.map(({ version, fsync }) => `Postgres ${version.split(' ')[0]} (fsync ${fsync})`).join();
  }

  /** A new database, and a Redis database; what makes Atrium use them. */
  async environment(): Promise<Record<string, string>> {
    const name = await this.database();
    return {
      DATABASE_URL: withPath(this.urls.runtime, name),
      MIGRATION_DATABASE_URL: withPath(this.urls.migration, name),
      REDIS_URL: withPath(this.urls.redis, '7'),
    };
  }

  /** The URL of a new database as its owner. */
  async ownedDatabase(): Promise<string> {
    return withPath(this.urls.migration, await this.database());
  }

  async close(): Promise<void> {
    if (this.folder !== null) spawnSync(SERVICES, ['stop'], { stdio: 'ignore', env: ownFolder(this.folder) });
    else for (const name of this.databases) await drop(this.urls.migration, name);
  }

  private async database(): Promise<string> {
    const name = `atrium_bench_${randomUUID().replaceAll('-', '')}`;
    await query(this.urls.migration, `CREATE DATABASE ${name}`);
    this.databases.push(name);
    return name;
  }
}

function urlsIn(env: Record<string, string | undefined>): Urls | null {
  const { TEST_DATABASE_URL: runtime, TEST_MIGRATION_DATABASE_URL: migration, TEST_REDIS_URL: redis } = env;
  return runtime && redis ? { runtime, migration: migration ?? runtime, redis } : null;
}

function variablesOf(file: string): Record<string, string> {
  return Object.fromEntries(
    [...file.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}

function ownFolder(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, SERVICES_DIR: folder };
}

/** Connections of a process that has just ended may still be closing. */
async function drop(url: string, name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await query(url, `DROP DATABASE IF EXISTS ${name}`);
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await sleep(250);
    }
  }
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

function withPath(url: string, path: string): string {
  const changed = new URL(url);
  changed.pathname = `/${path}`;
  return changed.toString();
}
