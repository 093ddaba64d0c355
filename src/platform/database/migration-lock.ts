import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { MigrationFailed } from './migration-failed.js';

/** The letters "atrium". */
const LOCK_KEY = 0x61747269756d;
const POLL_MS = 100;

/**
 * Held by the session, so it ends with the process. Asked for again and again instead of waited for: a waiting
 * statement holds a snapshot, for whose end the other process' CREATE INDEX CONCURRENTLY would wait.
 */
export async function lockMigrations(client: Client, waitMs: number, log: (line: string) => void): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (let attempt = 0; ; attempt++) {
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [LOCK_KEY]);
    if (rows[0]?.held) return;
    if (attempt === 0) log('Waiting for another process to migrate the database');
    if (Date.now() >= deadline) {
      throw new MigrationFailed(`Another process has been migrating the database for ${waitMs / 1000} s; see its log`);
    }
    await sleep(POLL_MS);
  }
}
