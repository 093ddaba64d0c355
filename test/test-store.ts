import { createHash, randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgres } from '../src/platform/database/embedded/embedded-postgres.js';
import { runMigrations } from '../src/platform/database/migrator.js';

/** Where a test's data is: its own migrated database, embedded or on the server that TEST_DATABASE_URL names. */
export interface TestStore {
  /** The environment that makes the application use it. */
  environment: Record<string, string>;
  drop(): Promise<void>;
}

const MIGRATIONS = join(import.meta.dirname, '..', 'migrations');

/** `embedded` also where a server is given. */
export async function createTestStore(kind: 'given' | 'embedded' = 'given'): Promise<TestStore> {
  const onServer = kind === 'given' ? process.env['TEST_DATABASE_URL'] : undefined;
  const dataDir = mkdtempSync(join(tmpdir(), 'atrium-test-'));
  const store = onServer ? await serverStore(onServer) : await embeddedStore(dataDir);
  return {
    environment: { NODE_ENV: 'test', DATA_DIR: dataDir, ...store.environment },
    drop: async () => {
      await store.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** One name for one state of the migrations, so that a template is made once and shared by all test files. */
function fingerprint(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(MIGRATIONS).sort()) hash.update(name).update(readFileSync(join(MIGRATIONS, name)));
  return hash.digest('hex').slice(0, 16);
}

async function embeddedStore(dataDir: string): Promise<TestStore> {
  const template = join(tmpdir(), `atrium-template-${fingerprint()}`);
  if (!existsSync(template)) await makeEmbeddedTemplate(template);
  cpSync(template, dataDir, { recursive: true });
  return { environment: {}, drop: () => Promise.resolve() };
}

async function makeEmbeddedTemplate(template: string): Promise<void> {
  const draft = `${template}-${randomUUID()}`;
  const embedded = await EmbeddedPostgres.start(draft);
  await migrate(embedded.connection, true);
  await embedded.stop();
  try {
    renameSync(draft, template);
  } catch {
    // Another worker was first.
    rmSync(draft, { recursive: true, force: true });
  }
}

async function serverStore(runtimeUrl: string): Promise<TestStore> {
  const migrationUrl = process.env['TEST_MIGRATION_DATABASE_URL'] ?? runtimeUrl;
  const template = `atrium_template_${fingerprint()}`;
  const name = `atrium_test_${randomUUID().replaceAll('-', '')}`;
  const admin = new pg.Client({ connectionString: migrationUrl });
  await admin.connect();
  try {
    // One worker makes the template, the others wait for it.
    await admin.query('SELECT pg_advisory_lock(7311)');
    const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [template]);
    if (!rowCount) {
      await admin.query(`CREATE DATABASE ${template}`);
      await migrate({ connectionString: withDatabase(migrationUrl, template) }, false, new URL(runtimeUrl).username);
    }
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
    await admin.query('SELECT pg_advisory_unlock(7311)');
  } finally {
    await admin.end();
  }
  const redis = process.env['TEST_REDIS_URL'];
  return {
    environment: {
      DATABASE_URL: withDatabase(runtimeUrl, name),
      MIGRATION_DATABASE_URL: withDatabase(migrationUrl, name),
      // Each worker has a Redis database of its own.
      ...(redis ? { REDIS_URL: withDatabase(redis, process.env['JEST_WORKER_ID'] ?? '0') } : {}),
    },
    drop: () => dropDatabase(migrationUrl, name),
  };
}

async function dropDatabase(url: string, name: string): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    // The application's connections are closing; only a superuser could end them for it.
    for (let tries = 0; tries < 50 && !(await dropped(admin, name)); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await admin.end();
  }
}

async function dropped(admin: pg.Client, name: string): Promise<boolean> {
  try {
    await admin.query(`DROP DATABASE IF EXISTS ${name}`);
    return true;
  } catch (error) {
    const inUse = (error as { code?: string }).code === '55006';
    if (!inUse) throw error;
    return false;
  }
}

async function migrate(connection: pg.ClientConfig, embedded: boolean, runtimeUser?: string): Promise<void> {
  await runMigrations({
    client: async () => {
      const client = new pg.Client(connection);
      await client.connect();
      return client;
    },
    dir: MIGRATIONS,
    embedded,
    log: () => undefined,
    runtimeUser,
  });
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.toString();
}
