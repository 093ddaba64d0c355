import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { analyze } from './analyze.js';
import type { Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Given, type Tenant } from './given.js';

/** Messages of the long session, and of each other tenant's. */
const LONG = 5_000;
const SESSIONS = 2_000;

let app: TestApp;
let ours: Tenant & { sessionId: string };
let short: string;

beforeAll(async () => {
  app = await startApp();
  const given = new Given(app);
  ours = await given.session();
  short = (await ours.as.post('/sessions', { title: 'Short' }).expect(201)).json<{ id: string }>().id;
  await seed(ours.tenantId, [TITLED, LONG_SESSION, SHORT_SESSION], { long: ours.sessionId, short });
  for (let n = 0; n < 2; n++) {
    const theirs = await given.session();
    await seed(theirs.tenantId, [TITLED, LONG_SESSION], { long: theirs.sessionId });
  }
  await analyze(app, 'sessions', 'messages');
}, 180_000);

afterAll(() => app.close());

/** Every message holds `common`, and a word that no other of its session holds. */
const TEXT = `'common text of number' || n || ' ' || repeat(md5(n::text) || ' ', 10)`;
const LONG_SESSION = `INSERT INTO messages (tenant_id, id, session_id, position, role, content, blocks)
  SELECT :tenantId, gen_random_uuid(), :long, n, CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END, ${TEXT}, '[]'
  FROM generate_series(1, ${LONG}) AS n`;
const SHORT_SESSION = `INSERT INTO messages (tenant_id, id, session_id, position, role, content, blocks)
  SELECT :tenantId, gen_random_uuid(), :short, n, 'user', ${TEXT}, '[]' FROM generate_series(1, 10) AS n`;
const TITLED = `INSERT INTO sessions (tenant_id, id, title)
  SELECT :tenantId, gen_random_uuid(), 'About topic' || n FROM generate_series(1, ${SESSIONS}) AS n`;

async function seed(tenantId: string, statements: string[], parameters: Record<string, string>): Promise<void> {
  const db = app.nest.get(Db);
  await runAs(Actor.job(tenantId), async () => {
    for (const statement of statements) await db.sql(statement, parameters);
  });
}

interface Reading {
  /** Rows that the search found. */
  found: number;
  /** Rows of both tables that it read by an index, and those it read without one. */
  indexed: number;
  scanned: number;
}

/** What a search reads, run as the application runs it. */
async function reading(search: string, parameters: Record<string, string>): Promise<Reading> {
  const db = app.nest.get(Db);
  return runAs(Actor.job(ours.tenantId), () =>
    db.run(async () => {
      const read = async () => {
        const [row] = await db.sql<{ indexed: number; scanned: number }>(
          `SELECT sum(idx_tup_fetch)::int AS indexed, sum(seq_tup_read)::int AS scanned
           FROM pg_stat_xact_user_tables WHERE relname IN ('sessions', 'messages') AND :tenantId <> ''`,
        );
        return row ?? { indexed: 0, scanned: 0 };
      };
      const before = await read();
      const rows = await db.sql<{ found: number }>(
        `SELECT count(*)::int AS found FROM ${search} WHERE :tenantId <> ''`,
        parameters,
      );
      const after = await read();
      const found = rows[0]?.found ?? 0;
      return { found, indexed: after.indexed - before.indexed, scanned: after.scanned - before.scanned };
    }),
  );
}

describe('Among thousands of rows, others of them another tenant’s, a search', () => {
  const inSessions = 'atrium_search_sessions(:words, NULL)';
  const inSession = 'atrium_search_messages(:session::uuid, :words)';

  it.each<[string, string, string, number, number]>([
    ['for a rare word in messages', inSessions, 'number4711', 1, 2],
    ['for the beginning of one', inSessions, 'number471', 1, 24],
    ['for a rare word in titles', inSessions, 'topic1234', 1, 2],
    ['for a word that nobody has', inSessions, 'nowhere', 0, 0],
    // Each is read to be found, and again to be ranked.
    ['for a word that all messages have', inSessions, 'common', 2, 2 * LONG + 40],
    ['for a word that all titles have', inSessions, 'topic', SESSIONS, 2 * SESSIONS + 40],
  ])('%s reads what holds it by an index', async (_what, search, words, found, atMost) => {
    const { found: rows, indexed, scanned } = await reading(search, { words });
    expect([rows, scanned]).toEqual([found, 0]);
    expect(indexed).toBeLessThanOrEqual(atMost);
  });

  it('in a session reads that session at most', async () => {
    const long = ours.sessionId;
    const rare = await reading(inSession, { session: long, words: 'number4711' });
    expect(rare).toMatchObject({ found: 1, scanned: 0 });
    expect(rare.indexed).toBeLessThanOrEqual(LONG + 21);
    const common = await reading(inSession, { session: long, words: 'common' });
    expect(common).toMatchObject({ found: LONG, scanned: 0 });
    expect(common.indexed).toBeLessThanOrEqual(2 * LONG + 40);
    const little = await reading(inSession, { session: short, words: 'common' });
    expect(little).toMatchObject({ found: 10, scanned: 0 });
    expect(little.indexed).toBeLessThanOrEqual(50);
  });
});

describe('A session of 5,000 messages', () => {
  interface Message {
    id: string;
    content: string;
  }
  const list = async (query: string) =>
    (await ours.as.get(`/sessions/${ours.sessionId}/messages?limit=100&${query}`).expect(200)).json<Listed<Message>>();

  it('is searched for one of them', async () => {
    const { data, nextCursor } = await list('search=number4711%20common');
    expect(data.map(({ content }) => content.split(' ')[3])).toEqual(['number4711']);
    expect(nextCursor).toBeNull();
  });

  it('is searched for all of them, page by page, none twice and none left out', async () => {
    const seen: string[] = [];
    let cursor = '';
    do {
      const page: Listed<Message> = await list(`search=common&role=user${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.data.map(({ content }) => content.split(' ')[3] ?? ''));
      cursor = page.nextCursor ?? '';
    } while (cursor !== '');
    // They are alike, so the oldest come first.
    expect(seen).toEqual(Array.from({ length: LONG / 2 }, (_, n) => `number${2 * (n + 1)}`));
  });

  it('is found once among the sessions', async () => {
    const { data } = (await ours.as.get('/sessions?search=common%20number4711').expect(200)).json<Listed<Message>>();
    expect(data.map(({ id }) => id)).toEqual([ours.sessionId]);
  });
});

describe('Of more than 10,000 messages that hold the words', () => {
  const MOST = 10_000;
  let many: Tenant & { sessionId: string };
  let older: string;

  beforeAll(async () => {
    many = await new Given(app).session();
    older = (await many.as.post('/sessions', { title: 'Older' }).expect(201)).json<{ id: string }>().id;
    // The older a message is, the better it fits.
    const keep = (sessionId: string, from: number, to: number, extra: string) =>
      `INSERT INTO messages (tenant_id, id, session_id, position, role, content, blocks, created_at)
       SELECT :tenantId, gen_random_uuid(), :${sessionId}, n, 'user', 'word' || n || ' frequent' || ${extra}, '[]',
              now() - interval '1 day' + n * interval '1 second'
       FROM generate_series(${from}, ${to}) AS n`;
    await seed(many.tenantId, [keep('older', 1, 5, `' frequent frequent'`)], { older });
    await seed(many.tenantId, [keep('long', 6, MOST + 8, `CASE WHEN n <= 10 THEN ' frequent' ELSE '' END`)], {
      long: many.sessionId,
    });
    await analyze(app, 'messages');
  }, 120_000);

  const contents = async (sessionId: string, search: string) =>
    (await many.as.get(`/sessions/${sessionId}/messages?limit=2&search=${search}`).expect(200))
      .json<Listed<{ content: string }>>()
      .data.map(({ content }) => content);
  const sessions = async (search: string) =>
    (await many.as.get(`/sessions?search=${search}`).expect(200))
      .json<Listed<{ id: string }>>()
      .data.map(({ id }) => id);

  it('the newest 10,000 are searched in a session', async () => {
    // Of 10,003, of which the first five fit best.
    expect(await contents(many.sessionId, 'frequent')).toEqual(['word9 frequent frequent', 'word10 frequent frequent']);
    expect(await contents(many.sessionId, 'word6')).toContain('word6 frequent frequent');
  });

  it('the newest 10,000 are searched in all sessions', async () => {
    expect(await sessions('frequent')).toEqual([many.sessionId]);
    expect(await sessions('word3')).toContain(older);
  });
});
