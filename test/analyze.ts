import pg from 'pg';
import { DatabaseServer } from '../src/platform/database/database-server.js';
import type { TestApp } from './app.js';

/** Tells the planner what was seeded; as the owner, since only they may. */
export async function analyze(app: TestApp, ...tables: string[]): Promise<void> {
  const { MIGRATION_DATABASE_URL: connectionString } = app.store.environment;
  const client = new pg.Client(connectionString ? { connectionString } : app.nest.get(DatabaseServer).connection);
  await client.connect();
  await client.query('SET ROLE atrium_owner');
  for (const table of tables) await client.query(`ANALYZE ${table}`);
  await client.query('RESET ROLE');
  await client.end();
}
