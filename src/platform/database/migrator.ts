import type { Client } from 'pg';
import { prepareVector } from './migration-extension.js';
import { failureOf, MigrationFailed } from './migration-failed.js';
import { concurrentIndex, readMigrations, type Migration } from './migration-files.js';
import { pendingMigrations, readHistory, recordMigration, type AppliedMigration } from './migration-history.js';
import { lockMigrations } from './migration-lock.js';
import { OWNER_ROLE, prepareRoles } from './migration-roles.js';

export { MigrationFailed };

const LOCK_WAIT_MS = 10 * 60_000;

export interface MigrationOptions {
  /** Connects directly, since a pooler that shares sessions would lose the lock. The client is ended here. */
  client: () => Promise<Client>;
  dir: string;
  /** Embedded, there is no second process to keep out. */
  embedded: boolean;
  log: (line: string) => void;
  /** The user that the application logs in as, when it is not the migrating one. */
  runtimeUser?: string;
  /** How long another process may migrate before this one gives up. */
  lockWaitMs?: number;
}

/**
 * Brings a database up to the files `NNNN_name.sql` of a folder, each in a transaction of its own, as the role that
 * owns everything. A file whose first line is `-- no-transaction` holds one statement that must bear being repeated.
 *
 * Throws `MigrationFailed`, whose message is for the operator.
 */
export async function runMigrations(options: MigrationOptions): Promise<void> {
  const migrations = await readMigrations(options.dir);
  const client = await connect(options);
  try {
    if (!options.embedded) {
      await client.query(
        'SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0',
      );
      await lockMigrations(client, options.lockWaitMs ?? LOCK_WAIT_MS, options.log);
    }
    await prepareRoles(client, options.runtimeUser);
    await prepareVector(client);
    const applied = await history(client);
    for (const migration of pendingMigrations(migrations, applied)) {
      const startedAt = performance.now();
      await apply(client, migration);
      options.log(`Migration ${migration.name} applied in ${Math.round(performance.now() - startedAt)} ms`);
    }
  } catch (error) {
    throw error instanceof MigrationFailed ? error : new MigrationFailed(`Migrating failed: ${failureOf(error)}`);
  } finally {
    await client.end();
  }
}

async function connect(options: MigrationOptions): Promise<Client> {
  try {
    const client = await options.client();
    // A lost connection fails the statement that runs, or the next one.
    client.on('error', () => undefined);
    return client;
  } catch (error) {
    throw new MigrationFailed(`Cannot connect to the database to migrate it: ${failureOf(error)}`);
  }
}

function history(client: Client): Promise<AppliedMigration[]> {
  return asOwner(client, () => readHistory(client));
}

async function apply(client: Client, migration: Migration): Promise<void> {
  try {
    if (migration.transactional) await applyInTransaction(client, migration);
    else await applyAlone(client, migration);
  } catch (error) {
    if (error instanceof MigrationFailed) throw error;
    throw new MigrationFailed(`Migration ${migration.name} failed${lineOf(error, migration)}: ${failureOf(error)}`);
  }
}

async function applyInTransaction(client: Client, migration: Migration): Promise<void> {
  await asOwner(client, async () => {
    await client.query(`SELECT set_config('atrium.migration', $1, true)`, [migration.name]);
    await client.query(migration.sql);
    const { rows } = await client.query<{ name: string | null }>(
      `SELECT current_setting('atrium.migration', true) AS name`,
    );
    if (rows[0]?.name !== migration.name) {
      throw new MigrationFailed(`Migration ${migration.name} must not end its own transaction`);
    }
    await recordMigration(client, migration);
  });
}

/** After a failure the session, and with it the role, ends. */
async function applyAlone(client: Client, migration: Migration): Promise<void> {
  await client.query(`SET ROLE ${OWNER_ROLE}`);
  const index = concurrentIndex(migration);
  if (index) await dropBrokenIndex(client, index);
  // A prepared statement can't be two.
  await client.query({ name: migration.name, text: migration.sql });
  await recordMigration(client, migration);
  await client.query('RESET ROLE');
}

/** What an attempt that failed half-way left behind, and IF NOT EXISTS would take for done. */
async function dropBrokenIndex(client: Client, index: string): Promise<void> {
  const { rowCount } = await client.query(
    'SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid',
    [index],
  );
  if (rowCount) await client.query(`DROP INDEX CONCURRENTLY ${index}`);
}

async function asOwner<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query(`BEGIN; SET LOCAL ROLE ${OWNER_ROLE}`);
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

function lineOf(error: unknown, { sql }: Migration): string {
  const position = error instanceof Error && 'position' in error ? Number(error.position) : Number.NaN;
  return position > 0 ? ` in line ${sql.slice(0, position).split('\n').length}` : '';
}
