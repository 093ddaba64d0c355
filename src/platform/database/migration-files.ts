import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MigrationFailed } from './migration-failed.js';

export interface Migration {
  /** The number its file name starts with. */
  version: number;
  /** The file name without `.sql`. */
  name: string;
  sql: string;
  /** SHA-256 in hex of the text with Unix line ends. */
  checksum: string;
  /** False for the likes of CREATE INDEX CONCURRENTLY. */
  transactional: boolean;
}

const NAME = /^(\d{4})_[a-z0-9_]+$/;
const NO_TRANSACTION = '-- no-transaction';
const CONCURRENT_INDEX = /\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(IF\s+NOT\s+EXISTS\s+)?("[^"]+"|[\w.]+)/i;

/** All migrations of a folder, in order. */
export async function readMigrations(dir: string): Promise<Migration[]> {
  const files = (await readdir(dir)).filter((file) => file.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    files.map(async (file) => parseMigration(file.slice(0, -'.sql'.length), await readFile(join(dir, file), 'utf8'))),
  );
  migrations.forEach((migration, index) => {
    const before = migrations[index - 1];
    if (before?.version === migration.version) {
      throw new MigrationFailed(`Migrations ${before.name} and ${migration.name} have the same number`);
    }
  });
  return migrations;
}

export function parseMigration(name: string, text: string): Migration {
  const version = NAME.exec(name)?.[1];
  if (!version) throw new MigrationFailed(`Migration ${name} must be called NNNN_name.sql, in small letters`);
  const sql = text.replaceAll('\r\n', '\n');
  const transactional = !sql.startsWith(`${NO_TRANSACTION}\n`);
  if (!transactional && CONCURRENT_INDEX.test(sql) && !CONCURRENT_INDEX.exec(sql)?.[1]) {
    // It is run again when the process dies between the statement and its record.
    throw new MigrationFailed(`Migration ${name} must say CREATE INDEX CONCURRENTLY IF NOT EXISTS`);
  }
  return {
    version: Number(version),
    name,
    sql,
    checksum: createHash('sha256').update(sql).digest('hex'),
    transactional,
  };
}

/** The index that a migration without a transaction builds. */
export function concurrentIndex(migration: Migration): string | undefined {
  return CONCURRENT_INDEX.exec(migration.sql)?.[2];
}
