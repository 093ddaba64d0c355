import type { Client } from 'pg';
import { MigrationFailed, SqlState, sqlState } from './migration-failed.js';

const CREATE = 'CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public';

/** pgvector 0.8, whose filtered searches keep their rows. Its control file lets only a superuser create it. */
export async function prepareVector(client: Client): Promise<void> {
  const { rows } = await client.query<{ database: string; installed: string | null; available: string | null }>(`
    SELECT current_database() AS database,
           (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS installed,
           (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS available`);
  const { database, installed, available } = rows[0] ?? {};
  const version = installed ?? available;
  if (!version) {
    throw new MigrationFailed(
      'The database server has no pgvector; install its package (0.8 or newer) on that machine',
    );
  }
  if (isBefore08(version)) {
    throw new MigrationFailed(
      available && !isBefore08(available)
        ? `The database "${database}" has pgvector ${version}; run as superuser in it: ALTER EXTENSION vector UPDATE`
        : `The database server has pgvector ${version}; install 0.8 or newer on that machine`,
    );
  }
  if (installed) return;
  try {
    await client.query(CREATE);
  } catch (error) {
    if (sqlState(error) !== SqlState.insufficientPrivilege) throw error;
    throw new MigrationFailed(
      `Only a superuser may create the extension vector; run as superuser in the database "${database}": ${CREATE}`,
    );
  }
}

function isBefore08(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === 0 && minor < 8;
}
