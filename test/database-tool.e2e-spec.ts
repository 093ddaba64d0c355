import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Conversations, manyModels, type Sent, type Talk } from './conversations.js';
import { createAtriumStore, createForeignStore, type ForeignStore } from './foreign-database.js';
import { eventually } from './platform-fixtures.js';
import { saying } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let foreign: ForeignStore;
let talk: Talk;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8' });
  talks = new Conversations(app);
  foreign = await createForeignStore();
  await foreign.sql(
    `CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, balance numeric(20,2) DEFAULT 0, tags jsonb);
     INSERT INTO customers VALUES (1, 'Ada', 10.50, '["a"]'), (2, 'Bob', 9007199254740993.25, NULL);
     CREATE SCHEMA sales;
     CREATE TABLE sales.orders (id bigint PRIMARY KEY, customer integer REFERENCES customers, at timestamptz);
     CREATE SEQUENCE counter;
     CREATE FUNCTION leave() RETURNS text LANGUAGE plpgsql AS
       $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); INSERT INTO customers VALUES (7, 'X'); RETURN 'left'; END $$;`,
  );
  talk = await talks.start(AGENT);
  await register(talk.as, 'shop', foreign.url);
}, 120_000);
afterAll(async () => {
  await app.close();
  await foreign.drop();
});

const AGENT = { tools: ['database:*'], permissionPolicy: { default: 'allow' } };

async function register(as: Client, name: string, url: string): Promise<string> {
  return (await as.post('/database-connections', { name, url }).expect(201)).json<{ id: string }>().id;
}

async function call(tool: string, input: object, by = talk): Promise<{ isError: boolean; output: string }> {
  const use = { steps: [{ toolUse: { name: `database__${tool}`, input: { ...input } } }] };
  const { results } = await talks.ask(by, [use, saying('So')]);
  const [{ isError, output } = { isError: true, output: 'nothing' }] = results;
  return { isError, output };
}

async function query(sql: string, by = talk): Promise<Record<string, unknown>> {
  const { isError, output } = await call('query', { connection: 'shop', sql }, by);
  if (isError) throw new Error(output);
  return JSON.parse(output) as Record<string, unknown>;
}

describe('The database tools', () => {
  it('answer queries, with values as exact as they are', async () => {
    expect(await query('SELECT id, name, balance, tags, id = 1 AS first FROM customers ORDER BY id;')).toEqual({
      columns: ['id', 'name', 'balance', 'tags', 'first'],
      rows: [
        [1, 'Ada', '10.50', ['a'], true],
        [2, 'Bob', '9007199254740993.25', null, false],
      ],
      rowCount: 2,
    });
    expect(await query('WITH a AS (VALUES (1), (2)) SELECT count(*) FROM a')).toMatchObject({ rows: [['2']] });
    expect(await query('TABLE sales.orders -- and nothing more')).toMatchObject({
      columns: ['id', 'customer', 'at'],
      rows: [],
    });
  });

  it('show what there is', async () => {
    expect(JSON.parse((await call('list_tables', { connection: 'shop' })).output)).toEqual({
      tables: [
        { schema: 'public', name: 'customers', kind: 'table', comment: null },
        { schema: 'sales', name: 'orders', kind: 'table', comment: null },
      ],
    });
    const { columns } = JSON.parse((await call('get_schema', { connection: 'shop' })).output) as { columns: object[] };
    expect(columns).toContainEqual(
      expect.objectContaining({ schema: 'sales', table: 'orders', column: 'at', type: 'timestamp with time zone' }),
    );
    for (const table of ['customers', 'public.customers', 'sales.orders', 'orders']) {
      const described = JSON.parse((await call('describe', { connection: 'shop', table })).output) as object;
      expect(described).toMatchObject({ constraints: expect.arrayContaining([expect.objectContaining({})]) });
    }
    expect(await call('describe', { connection: 'shop', table: 'nothing' })).toEqual({
      isError: true,
      output: 'There is no table named nothing',
    });
  });

  it.each([
    "INSERT INTO customers VALUES (3, 'Eve')",
    'DELETE FROM customers',
    'DROP TABLE customers',
    'CREATE TABLE t ()',
    'COMMIT',
    'ROLLBACK; DELETE FROM customers',
    'SELECT 1; DELETE FROM customers',
    'SELECT 1; COMMIT; DELETE FROM customers',
    'SET TRANSACTION READ WRITE',
    "SELECT set_config('transaction_read_only', 'off', false)",
    'SELECT leave()',
    "SELECT nextval('counter')",
    'WITH gone AS (DELETE FROM customers RETURNING *) SELECT * FROM gone',
    'SELECT * INTO copied FROM customers',
    'SELECT * FROM customers FOR UPDATE',
    "COPY customers TO PROGRAM 'touch /tmp/owned'",
    'DO $$ BEGIN DELETE FROM customers; COMMIT; END $$',
    'PREPARE p AS DELETE FROM customers',
    '',
    'SELECT nothing FROM nowhere',
    'SELECT 1/0',
  ])('change nothing and say why: %s', async (sql) => {
    const { isError, output } = await call('query', { connection: 'shop', sql });
    expect(isError).toBe(true);
    expect(output).toMatch(/ERROR \w{5}: |does not fit/);
    expect(await query('SELECT count(*) FROM customers')).toMatchObject({ rows: [['2']] });
  });

  it('answer the first rows of a result without end, and no more bytes than can be held', async () => {
    // Each in a conversation of its own, whose history has room for the answer.
    const asked = async (sql: string): Promise<{ isError: boolean; output: string }> => {
      const fresh = await talks.start(AGENT);
      await register(fresh.as, 'shop', foreign.url);
      return call('query', { connection: 'shop', sql }, fresh);
    };
    const endless = await asked('WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT n FROM s');
    expect(JSON.parse(endless.output)).toMatchObject({ rowCount: 1000, truncated: true });
    const wide = await asked("SELECT n, repeat('x', 100000) FROM generate_series(1, 1000) AS n");
    expect(wide).toMatchObject({ isError: false, output: expect.stringMatching(/^\{"columns":\["n","repeat"\]/) });
    expect(wide.output.length).toBeLessThan(1_100_000);
    const huge = await asked("SELECT repeat('x', 50000000)");
    expect(huge).toEqual({ isError: true, output: expect.stringContaining('too large') });
  });

  it('set the limits of a query again that it has ended for itself', async () => {
    const limits = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];
    const columns = limits.map(
      (limit) => `CASE n WHEN 1 THEN set_config('${limit}', '0', true) ELSE current_setting('${limit}') END`,
    );
    const { rows } = await query(`SELECT ${columns.join()} FROM generate_series(1, 150) AS n`);
    expect((rows as string[][])[1]).toEqual(['0', '0', '0']);
    expect((rows as string[][]).at(-1)).toEqual(['30s', '5s', '1min']);
  });

  // The embedded store has one connection at a time, from which nobody could look.
  (process.env['TEST_REDIS_URL'] ? it : it.skip)('leave no query behind that nobody waits for', async () => {
    const busy = () =>
      foreign.sql(`SELECT FROM pg_stat_activity
        WHERE application_name = 'Atrium' AND datname = current_database() AND state = 'active'`);
    const one = await talks.start(AGENT);
    await register(one.as, 'shop', foreign.url);
    const sql =
      "SELECT set_config('statement_timeout', '0', true), pg_sleep(CASE n WHEN 120 THEN 600 ELSE 0 END) FROM generate_series(1, 150) AS n";
    app.upstream.enqueue({ steps: [{ toolUse: { name: 'database__query', input: { connection: 'shop', sql } } }] });
    const sent = await one.as
      .post(`/sessions/${one.sessionId}/messages`, { content: 'Hi', background: true })
      .expect(202);
    await eventually(busy, ({ length }) => length === 1);
    await one.as.post(`/runs/${sent.json<Sent>().run.id}/cancel`).expect(200);
    await eventually(busy, ({ length }) => length === 0);
  });

  it('know only what the tenant registered', async () => {
    const other = await talks.start(AGENT);
    const sql = 'SELECT 1';
    const unknown = { isError: true, output: 'There is no database connection named shop' };
    expect(await call('query', { connection: 'shop', sql }, other)).toEqual(unknown);
    const id = await register(other.as, 'shop', foreign.url);
    expect(await query(sql, other)).toMatchObject({ rows: [[1]] });
    await talk.as.delete(`/database-connections/${id}`).expect(404);
    await other.as.delete(`/database-connections/${id}`).expect(204);
    expect(await call('query', { connection: 'shop', sql }, other)).toEqual(unknown);
  });

  it("never read a database of Atrium's own, whatever it is called", async () => {
    const own = await createAtriumStore();
    const other = await talks.start(AGENT);
    try {
      for (const [name, url] of [
        ['a', own.url],
        ['b', own.url.replace('127.0.0.1', 'localhost')],
        ['c', own.url.replace('127.0.0.1', '[::ffff:127.0.0.1]')],
        ['d', own.url.replace('127.0.0.1', '2130706433')],
      ] as const) {
        await register(other.as, name, url);
        for (const tool of ['query', 'list_tables'] as const) {
          const input = { connection: name, ...(tool === 'query' ? { sql: 'SELECT * FROM tenants' } : {}) };
          const { isError, output } = await call(tool, input, other);
          expect([name, isError, output]).toEqual([name, true, expect.stringContaining("Atrium's own")]);
        }
      }
    } finally {
      await own.drop();
    }
  });

  it('say that nobody answers, and nothing of the way there', async () => {
    const silent = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const other = await talks.start(AGENT);
    await register(other.as, 'silent', `postgres://me:hunter2@127.0.0.1:${port}/db`);
    const { isError, output } = await call('list_tables', { connection: 'silent' }, other);
    silent.close();
    expect([isError, output]).toEqual([true, expect.stringMatching(/can not be reached/)]);
    expect(output).not.toContain('hunter2');
  });
});

describe('A database connection', () => {
  it('shows its host and database, and never its password', async () => {
    const { as } = await talks.given.tenant();
    const url = 'postgres://reader:p%40ss-w0rd@db.example.com:6543/shop?sslmode=require';
    const made = await as.post('/database-connections', { name: 'Shop', url }).expect(201);
    const { id, ...rest } = made.json<{ id: string }>();
    expect(rest).toEqual({
      ...{ name: 'Shop', host: 'db.example.com', database: 'shop' },
      ...{ createdBy: expect.any(String), createdAt: expect.any(String) },
    });
    await as.post('/database-connections', { name: 'Shop', url }).expect(409);
    const shown = [made, await as.get('/database-connections'), await as.get(`/database-connections/${id}`)];
    shown.push(await as.get('/audit-logs'), await as.post('/database-connections', { name: 'x', url: `${url}&a=b` }));
    for (const { text } of shown) expect(text).not.toMatch(/p%40ss|p@ss|w0rd|reader/);
    await as.delete(`/database-connections/${id}`).expect(204);
    await as.get(`/database-connections/${id}`).expect(404);
  });

  it.each([
    'shop',
    'mysql://u:p@db.example.com/shop',
    'postgres:///shop?host=/var/run/postgresql',
    'postgres://u:p@%2Fvar%2Frun/shop',
    'postgres://db.example.com/shop',
    'postgres://u:p@db.example.com',
    'postgres://u:p@db.example.com/shop?host=127.0.0.1',
    'postgres://u:p@db.example.com/shop?sslmode=perhaps',
    'postgres://u:%00@db.example.com/shop',
    'postgres://u:p@10.0.0.1/shop',
    'postgres://u:p@[::1]/shop',
    'postgres://u:p@[64:ff9b::7f00:1]/shop',
    'postgres://u:p@0xa000001/shop',
  ])('is refused as %s', async (url) => {
    const { as } = await talks.given.tenant();
    const answer = await as.post('/database-connections', { name: 'x', url }).expect(422);
    expect(faultyFields(answer)).toEqual(['url']);
  });

  it('is made by admins alone', async () => {
    const tenant = await talks.given.tenant();
    const member = (await talks.given.member(tenant, 'member')).as;
    const body = { name: 'x', url: 'postgres://u:p@db.example.com/shop' };
    await member.post('/database-connections', body).expect(403);
    const id = await register(tenant.as, 'x', body.url);
    await member.delete(`/database-connections/${id}`).expect(403);
  });
});
