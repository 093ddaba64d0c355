import type { Client } from 'pg';
import { MigrationFailed } from './migration-failed.js';
import type { Migration } from './migration-files.js';

/** A row of `schema_migrations`. */
export interface AppliedMigration {
  version: number;
  name: string;
  checksum: string;
}

/** Run as the owner. */
export async function readHistory(client: Client): Promise<AppliedMigration[]> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS public.schema_migrations (
      version integer PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
  const { rows } = await client.query<AppliedMigration>(
    'SELECT version, name, checksum FROM public.schema_migrations ORDER BY version',
  );
  return rows;
}

export async function recordMigration(client: Client, { version, name, checksum }: Migration): Promise<void> {
  await client.query('INSERT INTO public.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)', [
    version,
    name,
    checksum,
  ]);
}

/** What is left to do. Throws where the database and the files tell different stories. */
export function pendingMigrations(files: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const known = new Map(files.map((file) => [file.version, file]));
  for (const { version, name, checksum } of applied) {
    const file = known.get(version);
    if (!file) {
      throw new MigrationFailed(
        `The database has migration ${name}, which this version of Atrium does not know; start the version that made it, or a newer one`,
      );
    }
    if (file.checksum !== checksum) {
      throw new MigrationFailed(
        `Migration ${file.name} has changed since the database applied it as ${name}; restore the file and make the change in a new one`,
      );
    }
  }
  const last = applied.reduce((highest, { version }) => Math.max(highest, version), 0);
  const done = new Set(applied.map(({ version }) => version));
  const pending = files.filter(({ version }) => !done.has(version));
  const late = pending.find(({ version }) => version < last);
  if (late) {
    throw new MigrationFailed(
      `Migration ${late.name} is older than others that the database has applied; give it a number after them`,
    );
  }
  return pending;
}
