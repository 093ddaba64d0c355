import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { DatabaseServer } from '../src/platform/database/database-server.js';
import { startApp, type TestApp } from './app.js';
import { faults, RULES, VECTOR_TABLES } from './catalog-rules.js';

let app: TestApp;
let client: pg.Client;

beforeAll(async () => {
  app = await startApp();
  const { MIGRATION_DATABASE_URL: connectionString } = app.store.environment;
  client = new pg.Client(connectionString ? { connectionString } : app.nest.get(DatabaseServer).connection);
  await client.connect();
  // Made as collections need them, and held to the same rules.
  await client.query(
    `SELECT ${VECTOR_TABLES.map(({ dimensions, bucket }) => `atrium_vector_table(${dimensions}, ${bucket})`).join()}`,
  );
}, 60_000);

afterAll(async () => {
  await client.end();
  await app.close();
});

describe('In the migrated database', () => {
  it.each(RULES)('%s', async (rule) => {
    expect(await faults(client, rule)).toEqual([]);
  });
});

const THINGS = 'CREATE TABLE things (tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE, id uuid NOT NULL,';
const POLICY = "TO atrium_app USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)";

/** What somebody may do by mistake, as the tables' owner; the fault that has to be found; the rule that finds it. */
const MISTAKES: [mistake: string, fault: RegExp, rule: RegExp][] = [
  [`${THINGS} PRIMARY KEY (tenant_id, id))`, /^things lacks/, /^every table holds/],
  [
    `${THINGS} PRIMARY KEY (tenant_id, id)); ALTER TABLE things ENABLE ROW LEVEL SECURITY`,
    /^things lacks/,
    /^every table holds/,
  ],
  ['ALTER TABLE events NO FORCE ROW LEVEL SECURITY', /^events lacks/, /^every table holds/],
  ['CREATE TABLE things (id uuid PRIMARY KEY)', /^things has no tenant_id/, /^every table is of/],
  [
    'ALTER TABLE outbox DROP CONSTRAINT outbox_pkey, ALTER tenant_id DROP NOT NULL',
    /^outbox.tenant_id is no/,
    /^every table is of/,
  ],
  ['CREATE VIEW everyone AS SELECT * FROM memberships', /^everyone is a view/, /^what a view shows/],
  ['CREATE MATERIALIZED VIEW everyone AS SELECT * FROM memberships', /^everyone is a view/, /^what a view shows/],
  ['DROP POLICY tenant ON agents', /^agents has no tenant policy/, /^atrium_app sees/],
  [
    `DROP POLICY tenant ON agents; CREATE POLICY tenant ON agents ${POLICY} WITH CHECK (true)`,
    /^agents has no tenant policy/,
    /^atrium_app sees/,
  ],
  [
    `DROP POLICY tenant ON agents; CREATE POLICY tenant ON agents ${POLICY}`,
    /^agents has no tenant policy/,
    /^atrium_app sees/,
  ],
  [
    `DROP POLICY tenant ON agents; CREATE POLICY tenant ON agents FOR SELECT ${POLICY}`,
    /^agents has no tenant policy/,
    /^atrium_app sees/,
  ],
  ['CREATE POLICY shared ON agents FOR SELECT TO atrium_app USING (true)', /^agents.shared lets/, /^atrium_app sees/],
  ['CREATE POLICY shared ON agents USING (true)', /^agents.shared is for PUBLIC/, /^no policy is/],
  [
    'CREATE POLICY shared ON agents TO atrium_owner USING (true)',
    /^agents.shared is for atrium_owner/,
    /^no policy is/,
  ],
  [
    'CREATE POLICY search ON runs FOR SELECT TO atrium_search USING (true)',
    /^runs.search is for atrium_search/,
    /^no policy is/,
  ],
  [`${THINGS} run_id uuid REFERENCES users)`, /^things \(run_id\) → users leaves/, /^foreign keys/],
  [
    'CREATE UNIQUE INDEX ON runs (id); ALTER TABLE messages ADD FOREIGN KEY (run_id) REFERENCES runs (id)',
    /^messages \(run_id\) → runs leaves/,
    /^foreign keys/,
  ],
  [
    'ALTER TABLE messages ADD FOREIGN KEY (tenant_id, run_id) REFERENCES runs ON DELETE SET NULL',
    /would set its tenant_id null$/,
    /^foreign keys/,
  ],
  [
    'CREATE TABLE things (tenant_id uuid NOT NULL, id uuid, PRIMARY KEY (tenant_id, id))',
    /^things would keep/,
    /^all rows/,
  ],
  ['CREATE UNIQUE INDEX ON api_keys (key_hash)', /^api_keys_key_hash_idx/, /^unique keys/],
  [`${THINGS} UNIQUE (id, tenant_id))`, /^things_id_tenant_id_key/, /^unique keys/],
  [`${THINGS} UNIQUE (id, tenant_id))`, /^things has no primary key/, /^unique keys/],
  [
    'CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT count(*) FROM users $$',
    /^peek\(\) is no look-up/,
    /^only look-ups/,
  ],
  ['ALTER FUNCTION atrium_api_key(text) RESET search_path', /^atrium_api_key\(text\) does not pin/, /^only look-ups/],
  ['ALTER FUNCTION atrium_api_key(text) SECURITY INVOKER', /^atrium_api_key\(text\) is on the list/, /^only look-ups/],
  [
    'ALTER FUNCTION atrium_search_messages(uuid, text) SECURITY INVOKER',
    /^atrium_search_messages\(.*\) is on the list/,
    /^only look-ups/,
  ],
  [
    "CREATE OR REPLACE FUNCTION atrium_search_messages(searched_session uuid, wanted text) RETURNS TABLE (message_id uuid, rank real) LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT id, 1::real FROM messages'",
    /^atrium_search_messages\(.*\) does not name the current tenant/,
    /^only look-ups/,
  ],
  ['GRANT EXECUTE ON FUNCTION atrium_api_key(text) TO PUBLIC', /can be called by PUBLIC$/, /^no function/],
  [
    'GRANT EXECUTE ON FUNCTION atrium_api_key(text) TO atrium_system',
    /can be called by atrium_system$/,
    /^no function/,
  ],
  ['RESET ROLE; ALTER ROLE atrium_app CREATEDB', /^atrium_app has an attribute/, /^the roles/],
  ['RESET ROLE; GRANT atrium_owner TO atrium_system', /^atrium_system is a member of atrium_owner/, /^the roles/],
  ['RESET ROLE; GRANT CREATE ON SCHEMA public TO PUBLIC', /^public can create/, /^the roles/],
  [
    'RESET ROLE; GRANT atrium_app TO atrium_owner; GRANT CREATE ON SCHEMA public TO atrium_app; SET LOCAL ROLE atrium_owner; ALTER TABLE runs OWNER TO atrium_app',
    /^runs is owned by atrium_app/,
    /^the owner owns/,
  ],
  ['GRANT DELETE ON events TO atrium_app', /not expected: events atrium_app DELETE/, /^grants are/],
  ['GRANT DELETE ON runs TO atrium_system', /not expected: runs atrium_system DELETE/, /^grants are/],
  ['GRANT SELECT ON schema_migrations TO PUBLIC', /not expected: schema_migrations PUBLIC SELECT/, /^grants are/],
  [
    'GRANT SELECT (content) ON messages TO atrium_search',
    /not expected: messages atrium_search SELECT content/,
    /^grants are/,
  ],
  ['GRANT UPDATE (status) ON tenants TO atrium_app', /not expected: tenants atrium_app UPDATE status/, /^grants are/],
  ['REVOKE INSERT ON runs FROM atrium_app', /not given: runs atrium_app INSERT/, /^grants are/],
  ['ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO atrium_app', /default privileges/, /^grants are/],
  ['GRANT SELECT ON messages TO atrium_system', /^messages has a policy or grants/, /^atrium_system has/],
  [
    'CREATE POLICY system ON messages TO atrium_system USING (true)',
    /^messages has a policy or grants/,
    /^atrium_system has/,
  ],
  [
    'CREATE POLICY wide ON runs TO atrium_system, atrium_app USING (true)',
    /^runs.wide is a policy of atrium_system/,
    /^atrium_system has/,
  ],
  ['GRANT SELECT ON users TO atrium_app', /^atrium_app can SELECT users.password_hash/, /^the application reads/],
];

describe('A mistake in a migration is found', () => {
  it.each(MISTAKES)('%s', async (mistake, fault, rule) => {
    const broken = RULES.find((name) => rule.test(name)) ?? '';
    await client.query(
      `BEGIN; SET LOCAL ROLE ${mistake.includes('atrium_search_') ? 'atrium_search' : 'atrium_owner'}`,
    );
    try {
      await client.query(mistake);
      await client.query('RESET ROLE');
      expect(await faults(client, broken)).toContainEqual(expect.stringMatching(fault));
    } finally {
      await client.query('ROLLBACK');
    }
  });

  it('by each of the rules', () => {
    for (const rule of RULES) expect([rule, MISTAKES.some(([, , by]) => by.test(rule))]).toEqual([rule, true]);
  });
});

describe('Entities', () => {
  it('are what their tables are', async () => {
    const differences: string[] = [];
    const { entityMetadatas, driver } = app.nest.get(DataSource);
    for (const { tableName, columns, primaryColumns } of entityMetadatas) {
      const table = await columnsOf(tableName);
      for (const column of columns) {
        const type = driver.normalizeType(column) + (column.isArray ? '[]' : '');
        const said = `${tableName}.${column.databaseName} ${type}${column.isNullable ? '' : ' NOT NULL'}`;
        const found = table.find(({ name }) => name === column.databaseName);
        const is = `${tableName}.${found?.name} ${found?.type}${found?.nullable ? '' : ' NOT NULL'}`;
        if (said !== is) differences.push(`${said} is ${is}`);
      }
      const key = table.filter(({ keyPosition }) => keyPosition !== null).map(({ name }) => name);
      expect([tableName, primaryColumns.map(({ databaseName }) => databaseName).sort()]).toEqual([
        tableName,
        key.sort(),
      ]);
    }
    expect(differences).toEqual([]);
    expect(entityMetadatas.length).toBeGreaterThan(4);
  });
});

interface Column {
  name: string;
  type: string;
  nullable: boolean;
  keyPosition: number | null;
}

async function columnsOf(table: string): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type, NOT a.attnotnull AS nullable,
            array_position(i.indkey::int2[], a.attnum) AS "keyPosition"
     FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`,
    [table],
  );
  return rows;
}
