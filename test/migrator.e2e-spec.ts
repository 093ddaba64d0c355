import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 } from 'uuid';
import pg from 'pg';
import { EmbeddedPostgres } from '../src/platform/database/embedded/embedded-postgres.js';
import { runMigrations, type MigrationOptions } from '../src/platform/database/migrator.js';

jest.setTimeout(60_000);

const serverUrl = process.env['TEST_MIGRATION_DATABASE_URL'] ?? process.env['TEST_DATABASE_URL'];
const onServer = serverUrl !== undefined;
const onServerOnly = onServer ? it : it.skip;

/** A database with nothing in it, on the store under test. */
interface Store {
  connection: pg.ClientConfig;
  drop(): Promise<void>;
}

/** The embedded cluster as it was made: no extension, no table, no role but its own. */
const EMPTY = `
  DROP SCHEMA public CASCADE;
  CREATE SCHEMA public AUTHORIZATION pg_database_owner;
  GRANT USAGE ON SCHEMA public TO PUBLIC;
  DO $$ DECLARE role name; BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE NOT rolsuper AND rolname NOT LIKE 'pg\\_%' LOOP
      EXECUTE format('DROP OWNED BY %I CASCADE', role);
      EXECUTE format('DROP ROLE %I', role);
    END LOOP;
  END $$`;

describe('runMigrations', () => {
  let root: string;
  let embedded: EmbeddedPostgres | undefined;
  let dir: string;
  let store: Store;
  let log: string[];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'atrium-test-'));
    if (!onServer) embedded = await EmbeddedPostgres.start(root);
  });

  afterAll(async () => {
    await embedded?.stop();
    await rm(root, { recursive: true, force: true });
  });

  beforeEach(async () => {
    dir = await mkdtemp(join(root, 'migrations-'));
    store = embedded ? emptied(embedded.connection) : await emptyDatabase(String(serverUrl));
    log = [];
  });

  afterEach(() => store.drop());

  function emptied(connection: pg.ClientConfig): Store {
    return {
      connection,
      drop: async () => {
        await queryAt(connection, EMPTY);
      },
    };
  }

  async function emptyDatabase(url: string, source = 'template1'): Promise<Store> {
    const name = `atrium_migrator_${v7().replaceAll('-', '')}`;
    await queryAt({ connectionString: url }, `CREATE DATABASE ${name} TEMPLATE ${source}`);
    const changed = new URL(url);
    changed.pathname = `/${name}`;
    return {
      connection: { connectionString: changed.toString() },
      drop: async () => {
        await queryAt({ connectionString: url }, `DROP DATABASE ${name} WITH (FORCE)`);
      },
    };
  }

  async function connect(connection: pg.ClientConfig = store.connection): Promise<pg.Client> {
    const client = new pg.Client(connection);
    await client.connect();
    return client;
  }

  async function queryAt<Row extends pg.QueryResultRow>(connection: pg.ClientConfig, sql: string): Promise<Row[]> {
    const client = await connect(connection);
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  const query = <Row extends pg.QueryResultRow>(sql: string) => queryAt<Row>(store.connection, sql);

  const file = (name: string, sql: string) => writeFile(join(dir, `${name}.sql`), sql);

  const migrate = (options: Partial<MigrationOptions> = {}) =>
    runMigrations({ client: connect, dir, embedded: !onServer, log: (line) => log.push(line), ...options });

  const applied = async () =>
    (await query('SELECT name FROM schema_migrations ORDER BY version')).map((row) => row.name);

  /** A user of no rights but those given; the session's own login stays the migrating one. */
  async function asUser(attributes: string, ...before: string[]): Promise<{ client: () => Promise<pg.Client> }> {
    const name = `weak_${v7().replaceAll('-', '')}`;
    const setUp = await connect();
    for (const statement of [`CREATE ROLE ${name} ${attributes}`, ...before]) {
      await setUp.query(statement.replaceAll('$user', name));
    }
    await setUp.end();
    return {
      client: async () => {
        const client = await connect();
        await client.query(`SET SESSION AUTHORIZATION ${name}`);
        return client;
      },
    };
  }

  it('applies each file once, in order, as the owner of everything', async () => {
    await file('0002_rows', 'INSERT INTO things VALUES (1); INSERT INTO things VALUES (2);');
    await file('0001_table', 'CREATE TABLE things (id int PRIMARY KEY);');

    await migrate();
    await file('0003_more', 'INSERT INTO things VALUES (3);');
    await migrate();

    expect(await query('SELECT count(*)::int AS n FROM things')).toEqual([{ n: 3 }]);
    expect(await query(`SELECT tableowner FROM pg_tables WHERE tablename = 'things'`)).toEqual([
      { tableowner: 'atrium_owner' },
    ]);
    expect(log.map((line) => line.replace(/\d+ ms/, 'N ms'))).toEqual([
      'Migration 0001_table applied in N ms',
      'Migration 0002_rows applied in N ms',
      'Migration 0003_more applied in N ms',
    ]);
  });

  it('undoes a file that fails, names its line, and keeps those before', async () => {
    await file('0001_table', 'CREATE TABLE things (id int PRIMARY KEY);');
    await file('0002_rows', 'INSERT INTO things VALUES (1);\n\nINSERT INTO things VALUES (1);\nSELECT nonsense;');
    await expect(migrate()).rejects.toThrow(/^Migration 0002_rows failed.*duplicate key.*\(23505\)$/);
    await file('0002_rows', 'INSERT INTO things VALUES (1);\n\nSELECT nonsense;');
    await expect(migrate()).rejects.toThrow('Migration 0002_rows failed in line 3');

    expect(await applied()).toEqual(['0001_table']);
    expect(await query('SELECT * FROM things')).toEqual([]);
  });

  it('refuses a file that has changed since it was applied', async () => {
    await file('0001_table', 'CREATE TABLE things (id int);');
    await migrate();
    await file('0001_table', 'CREATE TABLE things (id bigint);');

    await expect(migrate()).rejects.toThrow('Migration 0001_table has changed since');
  });

  it('refuses a database that a newer version has migrated', async () => {
    await file('0001_table', 'CREATE TABLE things (id int);');
    await file('0002_later', 'CREATE TABLE others (id int);');
    await migrate();
    await rm(join(dir, '0002_later.sql'));

    await expect(migrate()).rejects.toThrow('The database has migration 0002_later, which this version');
  });

  it('refuses a file that would come before an applied one', async () => {
    await file('0002_table', 'CREATE TABLE things (id int);');
    await migrate();
    await file('0001_late', 'CREATE TABLE others (id int);');

    await expect(migrate()).rejects.toThrow('Migration 0001_late is older than others');
  });

  it('refuses a file that ends its own transaction', async () => {
    await file('0001_table', 'CREATE TABLE things (id int); COMMIT; BEGIN;');

    await expect(migrate()).rejects.toThrow('Migration 0001_table must not end its own transaction');
    expect(await applied()).toEqual([]);
  });

  it('runs a file of one statement outside of a transaction where it says so', async () => {
    await file('0001_table', 'CREATE TABLE things (id int);');
    await file('0002_index', '-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_id ON things (id);\n');

    await migrate();

    expect(await query(`SELECT tableowner FROM pg_tables WHERE tablename = 'things'`)).toEqual([
      { tableowner: 'atrium_owner' },
    ]);
    expect(await query(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_id'::regclass`)).toEqual([
      { indisvalid: true },
    ]);
  });

  it('replaces the index that a failed attempt left unusable', async () => {
    await file('0001_table', 'CREATE TABLE things (id int); INSERT INTO things VALUES (1), (1);');
    await file(
      '0002_index',
      '-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS by_id ON public.things (id);\n',
    );
    await expect(migrate()).rejects.toThrow('Migration 0002_index failed');
    const repair = await connect();
    await repair.query('SET ROLE atrium_owner');
    await repair.query('DELETE FROM things');
    await repair.end();

    await migrate();

    expect(await query(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_id'::regclass`)).toEqual([
      { indisvalid: true },
    ]);
  });

  it('refuses a second statement in a file without a transaction', async () => {
    await file('0001_two', '-- no-transaction\nCREATE TABLE a (id int);\nCREATE TABLE b (id int);');

    await expect(migrate()).rejects.toThrow('multiple commands');
    expect(await query(`SELECT to_regclass('a') AS found`)).toEqual([{ found: null }]);
  });

  it('finds roles, extension and grants made already', async () => {
    await migrate();
    await migrate();

    expect(
      await query(`SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname IN ('atrium_owner', 'atrium_app', 'atrium_search', 'atrium_system')
        ORDER BY rolname`),
    ).toEqual([
      { rolname: 'atrium_app', rolcanlogin: false },
      { rolname: 'atrium_owner', rolcanlogin: false },
      { rolname: 'atrium_search', rolcanlogin: false },
      { rolname: 'atrium_system', rolcanlogin: false },
    ]);
    expect(await query(`SELECT count(*)::int AS n FROM pg_extension WHERE extname = 'vector'`)).toEqual([{ n: 1 }]);
  });

  it('lets the runtime user act as the runtime roles and as nothing else', async () => {
    await file('0001_table', 'CREATE TABLE things (id int); GRANT SELECT ON things TO atrium_app;');
    const user = `runtime_${v7().replaceAll('-', '')}`;
    await query(`CREATE ROLE ${user} LOGIN NOINHERIT`);

    await migrate({ runtimeUser: user });

    const check = (role: string) =>
      query(`SELECT pg_has_role('${user}', '${role}', 'MEMBER') AS member,
                    pg_has_role('${user}', '${role}', 'USAGE') AS inherits`);
    expect(await check('atrium_app')).toEqual([{ member: true, inherits: false }]);
    expect(await check('atrium_system')).toEqual([{ member: true, inherits: false }]);
    expect(await check('atrium_search')).toEqual([{ member: false, inherits: false }]);
    expect(await check('atrium_owner')).toEqual([{ member: false, inherits: false }]);
    expect(await query(`SELECT has_table_privilege('${user}', 'things', 'SELECT') AS can`)).toEqual([{ can: false }]);
    await query(`REVOKE atrium_app, atrium_system FROM ${user}; DROP ROLE ${user}`);
  });

  it('says so when the runtime user does not exist', async () => {
    await expect(migrate({ runtimeUser: 'nobody' })).rejects.toThrow('The database user "nobody" of DATABASE_URL');
  });

  it('shows no password when it can not connect', async () => {
    const client = () => connect({ connectionString: 'postgres://someone:hunter2@127.0.0.1:1/none' });
    const invalid = () => connect({ connectionString: 'postgres://someone:hunter2@[bad/none' });

    for (const faulty of [client, invalid]) {
      const error = (await migrate({ client: faulty }).catch((it: unknown) => it)) as Error;
      expect(error.message).toMatch(/^Cannot connect to the database to migrate it: ./);
      expect(JSON.stringify([error.message, error.stack, error.cause, error])).not.toContain('hunter2');
    }
  });

  // The server's tests migrate as one anyway, and may not make another.
  (onServer ? describe.skip : describe)('as no superuser', () => {
    const mayCreateSchemas = 'GRANT CREATE, USAGE ON SCHEMA public TO $user WITH GRANT OPTION';

    it('needs only CREATEROLE, the database and the extension', async () => {
      const user = await asUser('CREATEROLE', mayCreateSchemas, 'CREATE EXTENSION vector');
      await file('0001_table', 'CREATE TABLE things (id int);');

      await migrate(user);

      expect(await applied()).toEqual(['0001_table']);
    });

    it('names the role statements that a superuser has to run', async () => {
      const user = await asUser('', mayCreateSchemas, 'CREATE EXTENSION vector');

      const error = (await migrate(user).catch((it: unknown) => it)) as Error;
      const statements = /run as superuser: (.*)$/.exec(error.message)?.[1];
      await query(String(statements));
      await migrate(user);

      expect(statements).toContain('CREATE ROLE atrium_owner NOLOGIN; ');
      expect(log).toEqual([]);
    });

    it("names the grant that a superuser has to run when the roles are somebody else's", async () => {
      await migrate();
      const user = await asUser('CREATEROLE', mayCreateSchemas);

      await expect(migrate(user)).rejects.toThrow(
        /may not grant atrium_owner; run as superuser: GRANT atrium_owner, atrium_search TO "weak_\w+" WITH INHERIT FALSE, SET TRUE$/,
      );
    });

    it('names the grant that the owner of the database has to run', async () => {
      const user = await asUser('CREATEROLE', 'CREATE EXTENSION vector');

      await expect(migrate(user)).rejects.toThrow(
        /run as superuser in it: GRANT CREATE ON SCHEMA public TO atrium_owner$/,
      );
    });

    it('names the statement that creates the extension', async () => {
      const user = await asUser('CREATEROLE', mayCreateSchemas);

      await expect(migrate(user)).rejects.toThrow(
        'run as superuser in the database "postgres": CREATE EXTENSION IF NOT EXISTS vector',
      );
    });
  });

  onServerOnly('lets one of several processes migrate and the others wait', async () => {
    await file('0001_slow', 'CREATE TABLE things (id int); SELECT pg_sleep(0.5);');
    await file('0002_index', '-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_id ON things (id);');

    await Promise.all([migrate(), migrate(), migrate()]);

    expect(log.filter((line) => line.startsWith('Migration'))).toHaveLength(2);
    expect(log.filter((line) => line === 'Waiting for another process to migrate the database')).toHaveLength(2);
  });

  onServerOnly('gives up waiting in the end', async () => {
    await file('0001_slow', 'SELECT pg_sleep(2);');
    const first = migrate();
    while (
      (
        await query(
          `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2)%' AND pid <> pg_backend_pid() AND datname = current_database()`,
        )
      ).length === 0
    );

    await expect(migrate({ lockWaitMs: 200 })).rejects.toThrow('Another process has been migrating');
    await first;
  });

  onServerOnly('migrates several databases of one server at the same time', async () => {
    await file('0001_table', 'CREATE TABLE things (id int);');
    const others = await Promise.all([emptyDatabase(String(serverUrl)), emptyDatabase(String(serverUrl))]);

    await Promise.all([migrate(), ...others.map((other) => migrate({ client: () => connect(other.connection) }))]);

    expect(log).toHaveLength(3);
    await Promise.all(others.map((other) => other.drop()));
  });

  onServerOnly('names the statement that creates the extension where the server allows only superusers', async () => {
    const bare = await emptyDatabase(String(serverUrl), 'template0');

    await expect(migrate({ client: () => connect(bare.connection) })).rejects.toThrow(
      /run as superuser in the database "atrium_migrator_\w+": CREATE EXTENSION IF NOT EXISTS vector/,
    );
    await bare.drop();
  });
});
