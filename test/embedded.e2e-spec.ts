import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DataDirInUse, EmbeddedPostgres } from '../src/platform/database/embedded/embedded-postgres.js';

jest.setTimeout(60_000);

const embedded = new URL('../src/platform/database/embedded/', import.meta.url);

/** Starts on the folder, prints its fate as a line, then runs `then` with a connected `client`. */
const STARTER = `
  import pg from 'pg';
  const { EmbeddedPostgres } = await import(process.argv[1]);
  try {
    const postgres = await EmbeddedPostgres.start(process.argv[2]);
    console.log('started');
    const client = new pg.Client(postgres.connection);
    await client.connect();
    THEN
  } catch (error) {
    console.log(error.name + ': ' + error.message);
    process.exit(1);
  }`;

describe('EmbeddedPostgres', () => {
  let root: string;
  let template: string;
  let copies = 0;
  const running: EmbeddedPostgres[] = [];
  const clients: pg.Client[] = [];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'atrium-test-'));
    template = join(root, 'template');
    const first = await EmbeddedPostgres.start(template);
    const client = await connect(first);
    await client.query('CREATE EXTENSION vector; CREATE TABLE notes (id int PRIMARY KEY, body text)');
    await first.stop();
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})));
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(running.splice(0).map((postgres) => postgres.stop()));
  });

  afterAll(() => rm(root, { recursive: true, force: true }));

  async function folder(name = `data-${++copies}`): Promise<string> {
    const path = join(root, name);
    await cp(template, path, { recursive: true });
    return path;
  }

  async function start(dataDir: string, onExit?: (reason: Error) => void): Promise<EmbeddedPostgres> {
    const postgres = await EmbeddedPostgres.start(dataDir, { onExit });
    running.push(postgres);
    return postgres;
  }

  async function connect(postgres: EmbeddedPostgres): Promise<pg.Client> {
    const client = new pg.Client(postgres.connection);
    client.on('error', () => {});
    clients.push(client);
    await client.connect();
    return client;
  }

  /** As when its process is killed: no farewell. */
  function vanish(client: pg.Client): void {
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  function startInChild(dataDir: string, then = ''): { child: ChildProcess; lines: AsyncIterator<string> } {
    const child = spawn(
      process.execPath,
      [
        ...['--import', new URL('../../compute/run-typescript.ts', embedded).href, '--input-type=module'],
        ...['-e', STARTER.replace('THEN', then), new URL('embedded-postgres.ts', embedded).href, dataDir],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
    );
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  }

  async function kill(child: ChildProcess): Promise<void> {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  describe('once started', () => {
    let postgres: EmbeddedPostgres;

    beforeAll(async () => {
      postgres = await EmbeddedPostgres.start(await folder());
    });

    beforeEach(async () => {
      await (await connect(postgres)).query('TRUNCATE notes');
    });

    afterAll(() => postgres.stop());

    it('serves Postgres with pgvector from a folder only its owner may enter', async () => {
      const client = await connect(postgres);

      const { rows } = await client.query(`SELECT '[1,2]'::vector <-> '[1,5]' AS distance`);

      expect(rows).toEqual([{ distance: 3 }]);
      expect((await stat(postgres.socketDir)).mode & 0o777).toBe(0o700);
    });

    it('never mixes the statements of clients whose messages arrive in pieces', async () => {
      const eight = await Promise.all(Array.from({ length: 8 }, () => connect(postgres)));
      const large = 'x'.repeat(300_000);

      const answers = await Promise.all(
        eight.map(async (client, index) => {
          for (let turn = 0; turn < 5; turn++) {
            const { rows } = await client.query('SELECT $1::text || $2::text AS echo', [large, `${index}/${turn}`]);
            if (rows[0].echo !== `${large}${index}/${turn}`) return 'mixed up';
          }
          return 'right';
        }),
      );

      expect(answers).toEqual(Array.from({ length: 8 }, () => 'right'));
    });

    it('makes others wait for an open transaction and sees its effects whole', async () => {
      const [writer, reader] = [await connect(postgres), await connect(postgres)];
      await writer.query('BEGIN');
      await writer.query("INSERT INTO notes VALUES (1, 'a')");

      const counted = reader.query('SELECT count(*)::int AS n FROM notes');
      await writer.query("INSERT INTO notes VALUES (2, 'b')");
      await writer.query('COMMIT');

      expect((await counted).rows).toEqual([{ n: 2 }]);
    });

    it('rolls back what a client had open when it vanished, and goes on with the others', async () => {
      const [leaver, other] = [await connect(postgres), await connect(postgres)];
      await leaver.query('BEGIN');
      await leaver.query("INSERT INTO notes VALUES (1, 'never committed')");
      const waiting = other.query('SELECT count(*)::int AS n FROM notes');

      vanish(leaver);

      expect((await waiting).rows).toEqual([{ n: 0 }]);
    });

    it('stays usable when a client vanishes during a statement', async () => {
      const [leaver, other] = [await connect(postgres), await connect(postgres)];
      await leaver.query('BEGIN');
      const broken = leaver
        .query("INSERT INTO notes SELECT n, 'x' FROM generate_series(1, 50000) n")
        .then(String, String);
      await sleep(20);

      vanish(leaver);

      expect(await broken).toMatch(/terminated/);
      expect((await other.query('SELECT count(*)::int AS n FROM notes')).rows).toEqual([{ n: 0 }]);
    });

    it('ends with a client what it had set for its session', async () => {
      const [leaver, other] = [await connect(postgres), await connect(postgres)];
      await leaver.query("SET search_path = ''; CREATE TEMP TABLE leftover (id int)");

      await leaver.end();

      expect((await other.query('SHOW search_path')).rows).toEqual([{ search_path: 'public' }]);
      expect((await other.query("SELECT to_regclass('leftover') AS found")).rows).toEqual([{ found: null }]);
    });

    it.each([
      ['JSON nested 400,000 levels deep', () => [`SELECT length($1::jsonb::text)`, nested(400_000)] as const],
      ['a function calling itself for ever', () => [`SELECT forever($1)`, '1'] as const],
      ['a COPY from a client', () => [`COPY notes FROM STDIN`] as const],
    ])('answers %s with an error and lives on', async (_, statement) => {
      const client = await connect(postgres);
      await client.query(
        'CREATE OR REPLACE FUNCTION forever(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN forever($1 + 1); END $$',
      );
      const [sql, ...values] = statement();

      await expect(client.query(sql, values.length > 0 ? values : undefined)).rejects.toThrow(/stack depth|COPY/);

      expect((await client.query('SELECT 1 AS alive')).rows).toEqual([{ alive: 1 }]);
    });
  });

  it('refuses a second process, and a second start in this one, naming the folder', async () => {
    const dataDir = await folder();
    await start(dataDir);
    const { lines } = startInChild(dataDir);

    expect((await lines.next()).value).toMatch(new RegExp(`^DataDirInUse: .*${dataDir}`));
    await expect(EmbeddedPostgres.start(dataDir)).rejects.toThrow(DataDirInUse);
  });

  it('loses nothing acknowledged when its process is killed, and lets exactly one of two successors in', async () => {
    const dataDir = await folder();
    const { child, lines } = startInChild(
      dataDir,
      `for (let id = 1; ; id++) {
        await client.query('BEGIN');
        await client.query('INSERT INTO notes VALUES ($1, $2)', [id, 'x'.repeat(id % 7000)]);
        await client.query('COMMIT');
        console.log(id);
      }`,
    );
    let acknowledged = 0;
    expect((await lines.next()).value).toBe('started');
    while (acknowledged < 100) acknowledged = Number((await lines.next()).value);
    await kill(child);

    const successors = [startInChild(dataDir), startInChild(dataDir)];
    const fates = await Promise.all(successors.map(async (it) => String((await it.lines.next()).value)));

    expect(fates.map((fate) => fate.split(':')[0]).sort()).toEqual(['DataDirInUse', 'started']);
    await Promise.all(successors.filter((_, i) => fates[i] === 'started').map((it) => kill(it.child)));
    const client = await connect(await start(dataDir));
    const { rows } = await client.query('SELECT count(*)::int AS n FROM notes WHERE id <= $1', [acknowledged]);
    expect(rows).toEqual([{ n: acknowledged }]);
  });

  it('reports its end when Postgres panics, and its folder can be opened again', async () => {
    const dataDir = await folder();
    let ended: (reason: Error) => void = () => {};
    const end = new Promise<Error>((resolve) => (ended = resolve));
    const client = await connect(await start(dataDir, ended));
    const wal = join(dataDir, 'postgres', 'data', 'pg_wal');
    await cp(wal, `${wal}-kept`, { recursive: true });
    await rm(wal, { recursive: true });

    const broken = client.query("INSERT INTO notes SELECT n, 'x' FROM generate_series(1, 300000) n");

    await expect(broken).rejects.toThrow(/terminated/);
    expect((await end).message).toMatch(/PANIC: .*pg_wal/);
    await cp(`${wal}-kept`, wal, { recursive: true });
    const again = await connect(await start(dataDir));
    expect((await again.query('SELECT count(*)::int AS n FROM notes')).rows).toEqual([{ n: 0 }]);
  });

  it('runs from a folder whose path is too long for a socket', async () => {
    const postgres = await start(await folder('long-'.repeat(40)));
    const client = await connect(postgres);

    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect((await stat(postgres.socketDir)).mode & 0o777).toBe(0o700);
    await postgres.stop();
    await expect(stat(postgres.socketDir)).rejects.toThrow('ENOENT');
  });

  function nested(levels: number): string {
    return '['.repeat(levels) + ']'.repeat(levels);
  }
});
