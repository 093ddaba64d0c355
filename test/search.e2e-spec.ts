import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import type { Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Given, type Tenant } from './given.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
}, 60_000);
afterAll(() => app.close());

interface Found {
  id: string;
  title: string | null;
  content: string;
}

async function found(as: Client, path: string, query: Record<string, string>): Promise<Listed<Found>> {
  return (await as.get(`${path}?${new URLSearchParams(query).toString()}`).expect(200)).json<Listed<Found>>();
}
const sessions = async (as: Client, search: string, query: Record<string, string> = {}) =>
  (await found(as, '/sessions', { search, ...query })).data.map(({ id }) => id);
const texts = async (as: Client, sessionId: string, search: string, query: Record<string, string> = {}) =>
  (await found(as, `/sessions/${sessionId}/messages`, { search, ...query })).data.map(({ content }) => content);

/** Page by page, of one row each. */
async function onePerPage(as: Client, path: string, query: Record<string, string>, between = async () => {}) {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Listed<Found> = await found(as, path, { ...query, limit: '1', ...(cursor ? { cursor } : {}) });
    ids.push(...page.data.map(({ id }) => id));
    cursor = page.nextCursor;
    await between();
  } while (cursor !== null);
  return ids;
}

async function session(as: Client, body: object = {}): Promise<string> {
  return (await as.post('/sessions', { model: 'offline', ...body }).expect(201)).json<{ id: string }>().id;
}

async function say(as: Client, sessionId: string, ...contents: string[]): Promise<void> {
  for (const content of contents) await as.post(`/sessions/${sessionId}/messages`, { content }).expect(201);
}

/** Messages as a conversation leaves them, without the model's part in it. */
async function keep({ tenantId }: Pick<Tenant, 'tenantId'>, sessionId: string, contents: string[]): Promise<void> {
  const rows = contents.map((content) => ({ id: v7(), content }));
  await runAs(Actor.job(tenantId), () =>
    app.nest.get(Db).sql(
      `INSERT INTO messages (tenant_id, id, session_id, position, role, content, blocks)
       SELECT :tenantId, (m.value ->> 'id')::uuid, :sessionId, 1000 + (SELECT count(*) FROM messages WHERE tenant_id = :tenantId AND session_id = :sessionId) + m.n,
              CASE WHEN m.n % 2 = 1 THEN 'user' ELSE 'assistant' END, m.value ->> 'content', '[]'
       FROM jsonb_array_elements(:rows::jsonb) WITH ORDINALITY AS m (value, n)`,
      { sessionId, rows: JSON.stringify(rows) },
    ),
  );
}

async function conversation(...contents: string[]): Promise<Tenant & { sessionId: string }> {
  const tenant = await given.tenant();
  const sessionId = await session(tenant.as);
  await keep(tenant, sessionId, contents);
  return { ...tenant, sessionId };
}

describe('Messages are found', () => {
  it('by all words, each from its beginning on, whatever the case', async () => {
    const { as, sessionId } = await conversation('The quick brown Fox', 'The lazy dog', 'A quick dog, brownish');
    expect(await texts(as, sessionId, 'quick')).toEqual(['The quick brown Fox', 'A quick dog, brownish']);
    expect(await texts(as, sessionId, 'BROWN qui')).toEqual(['The quick brown Fox', 'A quick dog, brownish']);
    expect(await texts(as, sessionId, 'dog quick')).toEqual(['A quick dog, brownish']);
    expect(await texts(as, sessionId, 'fo')).toEqual(['The quick brown Fox']);
    expect(await texts(as, sessionId, 'ox')).toEqual([]);
    expect(await texts(as, sessionId, 'quick cat')).toEqual([]);
    expect(await texts(as, sessionId, 'the')).toHaveLength(2);
  });

  it.each([
    ['German', 'Über die Straße gehen', 'straße ÜB'],
    ['Greek', 'Καλημέρα κόσμε', 'ΚΌΣΜ'],
    ['Russian', 'Привет, мир!', 'мир прив'],
    ['Arabic', 'مرحبا بالعالم', 'بالعا'],
    ['Hebrew', 'שלום עולם', 'עולם'],
    ['Hindi', 'नमस्ते दुनिया', 'दुनि'],
    ['Korean', '안녕하세요 세계', '세계'],
    ['Japanese', '東京 タワー', 'タワ'],
    ['Chinese', '你好，世界', '世界'],
    ['Vietnamese', 'Chào thế giới', 'giới'],
    ['a letter of four bytes', 'The word 𐐷𐐬𐐻 is Deseret', '𐐷𐐬'],
    ['a number', 'Ticket 2024-01-15, order 3.14', '15 order'],
    ['an address', 'Write to john.doe@example.com soon', 'doe@exam'],
    ['a path', 'See https://example.com/docs/index_old.html?x=1', 'docs old html'],
    ['code', 'await fetchUser(userId)->catch(e)', 'fetchu userid'],
    ['an apostrophe', "I don't know", "don't"],
  ])('in %s', async (_what, text, search) => {
    const { as, sessionId } = await conversation('Something else', text);
    expect(await texts(as, sessionId, search)).toEqual([text]);
    expect(await sessions(as, search)).toEqual([sessionId]);
  });

  it('by what is text in a search and never its syntax', async () => {
    const text = 'one two three';
    const { as, sessionId } = await conversation(text, 'one');
    const finds = [
      'one & two',
      'one:* two',
      "'one' !two",
      'one <-> two',
      'one | two',
      '"one two"',
      'two\\one',
      'one:A two:*',
    ];
    for (const search of finds) {
      const isOwnWord = search.includes(':A');
      expect([search, await texts(as, sessionId, search)]).toEqual([search, isOwnWord ? [] : [text]]);
    }
    for (const search of [
      '&',
      '|',
      '!',
      ':*',
      '<->',
      "'",
      '"',
      '\\',
      '()',
      '*',
      '%',
      '_',
      '  ',
      "''",
      '…',
      '\u200b',
      '\n',
    ]) {
      expect([search, await texts(as, sessionId, search)]).toEqual([search, []]);
      expect([search, await sessions(as, search)]).toEqual([search, []]);
    }
    await as.get(`/sessions?search=${'x'.repeat(201)}`).expect(422);
    await as.get(`/sessions/${sessionId}/messages?search=a%00b`).expect(422);
    await as.get('/sessions?search=').expect(422);
    await as.get('/sessions?search=a&search=b').expect(422);
    expect(await sessions(as, 'ÄÖ'.repeat(100))).toEqual([]);
  });

  it('best first, those alike oldest first, page by page, whatever comes meanwhile', async () => {
    const { as, sessionId, tenantId } = await conversation(
      'once kiwi',
      'kiwi kiwi kiwi',
      'nothing',
      'also kiwi',
      'kiwi and kiwi',
    );
    const order = ['kiwi kiwi kiwi', 'kiwi and kiwi', 'once kiwi', 'also kiwi'];
    expect(await texts(as, sessionId, 'kiwi')).toEqual(order);
    const { data } = await found(as, `/sessions/${sessionId}/messages`, { search: 'kiwi' });
    const path = `/sessions/${sessionId}/messages`;
    const added = ['kiwi kiwi kiwi kiwi', 'kiwi kiwi kiwi', 'another kiwi'];
    const paged = await onePerPage(as, path, { search: 'kiwi' }, () =>
      keep({ tenantId }, sessionId, added.splice(0, 1)),
    );
    // What was added comes where its rank puts it: before or after what was shown, never instead of it.
    const old = paged.filter((id) => data.some((message) => message.id === id));
    expect([old, new Set(paged).size]).toEqual([data.map(({ id }) => id), paged.length]);
  });

  it('of one role, when asked so', async () => {
    const { as, sessionId } = await conversation('kiwi one', 'kiwi two', 'kiwi three', 'kiwi four');
    expect(await texts(as, sessionId, 'kiwi', { role: 'user' })).toEqual(['kiwi one', 'kiwi three']);
    expect(await onePerPage(as, `/sessions/${sessionId}/messages`, { search: 'kiwi', role: 'assistant' })).toHaveLength(
      2,
    );
    expect(await texts(as, sessionId, 'kiwi', { role: 'tool' })).toEqual([]);
  });

  it('as soon as they were said, in their session alone', async () => {
    const { as } = await given.tenant();
    const [one, two] = [await session(as), await session(as)];
    await say(as, one, 'say kiwi');
    expect(await texts(as, one, 'kiwi')).toEqual(['say kiwi', 'kiwi']);
    expect(await texts(as, two, 'kiwi')).toEqual([]);
    await as.get(`/sessions/${v7()}/messages?search=kiwi`).expect(404);
  });
});

describe('Sessions are found', () => {
  it('by their titles first, then by what was said in them, the newest first among those alike', async () => {
    const tenant = await given.tenant();
    const { as } = tenant;
    const spoken = await session(as, { title: 'Fruit' });
    await keep(tenant, spoken, ['mango mango mango mango', 'mango']);
    const mentioned = await session(as);
    await keep(tenant, mentioned, ['one mango']);
    const [older, newer] = [await session(as, { title: 'Mango' }), await session(as, { title: 'Mango' })];
    const both = await session(as, { title: 'Mango, mango' });
    await session(as, { title: 'Kiwi' });
    expect(await sessions(as, 'mango')).toEqual([both, newer, older, spoken, mentioned]);
    expect(await sessions(as, 'MAN')).toEqual([both, newer, older, spoken, mentioned]);
    expect(await sessions(as, 'one man')).toEqual([mentioned]);
  });

  it('once, however many messages hold the words', async () => {
    const { as, sessionId } = await conversation('kiwi', 'kiwi', 'kiwi');
    expect(await sessions(as, 'kiwi')).toEqual([sessionId]);
  });

  it('by their title as it is now', async () => {
    const { as } = await given.tenant();
    const id = await session(as, { title: 'Before' });
    await as.patch(`/sessions/${id}`, { title: 'Afterwards' }).expect(200);
    expect([await sessions(as, 'before'), await sessions(as, 'after')]).toEqual([[], [id]]);
    await as.patch(`/sessions/${id}`, { title: null }).expect(200);
    expect(await sessions(as, 'after')).toEqual([]);
  });

  it('together with every filter, and in every order', async () => {
    const tenant = await given.tenant();
    const { as, owner } = tenant;
    const agentId = await given.agentOf(as);
    const start = new Date().toISOString();
    const first = await session(as, { title: 'kiwi kiwi', pattern: 'research', agentId });
    const second = await session(as, { title: 'kiwi' });
    const third = await session(as, { title: 'Fruit' });
    await say(as, third, 'say kiwi');
    await as.post(`/sessions/${second}/archive`).expect(200);
    await session(as, { title: 'other', pattern: 'research', agentId });
    const member = await given.member(tenant, 'member');
    const theirs = await session(member.as, { title: 'kiwi', visibility: 'tenant' });
    const cases: [Record<string, string>, string[]][] = [
      [{}, [first, theirs, second, third]],
      [{ status: 'archived' }, [second]],
      [{ status: 'created' }, [first, theirs]],
      [{ agentId }, [first]],
      [{ agentId: v7() }, []],
      [{ pattern: 'research' }, [first]],
      [{ pattern: 'chatbot', status: 'active' }, [third]],
      [{ createdBy: member.userId }, [theirs]],
      [{ createdBy: owner.userId }, [first, second, third]],
      [{ createdAfter: start }, [first, theirs, second, third]],
      [{ createdBefore: start }, []],
      [{ sort: 'createdAt' }, [theirs, third, second, first]],
      [{ sort: 'lastActivityAt' }, [theirs, third, second, first]],
      [{ sort: 'createdAt', createdBy: owner.userId }, [third, second, first]],
    ];
    for (const [query, ids] of cases) {
      expect([query, await sessions(as, 'kiwi', query)]).toEqual([query, ids]);
      expect([query, await onePerPage(as, '/sessions', { search: 'kiwi', ...query })]).toEqual([query, ids]);
    }
    await say(as, first, 'Hello');
    expect(await sessions(as, 'kiwi', { sort: 'lastActivityAt' })).toEqual([first, theirs, third, second]);
  });

  it('page by page in an order that what is said meanwhile does not change', async () => {
    const tenant = await given.tenant();
    const { as } = tenant;
    const all = [];
    for (const times of [4, 3, 2, 1]) {
      const id = await session(as);
      await keep(tenant, id, ['kiwi '.repeat(times)]);
      all.push(id);
    }
    const last = all.at(-1) ?? '';
    const paged = await onePerPage(as, '/sessions', { search: 'kiwi' }, async () => {
      await keep(tenant, last, ['kiwi '.repeat(9)]);
      await session(as, { title: 'kiwi kiwi kiwi' });
    });
    expect(paged).toEqual(all);
    expect(await sessions(as, 'kiwi', { limit: '5' })).toHaveLength(5);
  });
});

describe('A cursor of one list', () => {
  it('is none of another', async () => {
    const { as, sessionId } = await conversation('kiwi', 'kiwi', 'kiwi');
    for (let i = 0; i < 3; i++) await session(as, { title: 'kiwi' });
    const lists = [
      '/sessions?limit=1',
      '/sessions?limit=1&sort=lastActivityAt',
      '/sessions?limit=1&search=kiwi',
      `/sessions/${sessionId}/messages?limit=1`,
      `/sessions/${sessionId}/messages?limit=1&search=kiwi`,
    ];
    const cursors = await Promise.all(
      lists.map(async (list) => String((await as.get(list).expect(200)).json<Listed<Found>>().nextCursor)),
    );
    for (const [of, cursor] of cursors.entries()) {
      for (const [on, list] of lists.entries()) {
        expect([of, on, (await as.get(`${list}&cursor=${cursor}`)).status]).toEqual([of, on, of === on ? 200 : 400]);
      }
    }
  });
});

describe('What somebody may not see', () => {
  it('is never found by them, nor does it take the place of what they may', async () => {
    const tenant = await given.tenant();
    const { as: member } = await given.member(tenant, 'member');
    const { as: viewer } = await given.member(tenant, 'viewer');
    const { as: admin } = await given.member(tenant, 'admin');
    const hidden: string[] = [];
    for (let i = 0; i < 25; i++) hidden.push(await session(tenant.as, { title: 'kiwi kiwi kiwi' }));
    await keep(tenant, hidden[0] ?? '', ['kiwi '.repeat(20)]);
    const mine = await session(member, { title: 'kiwi' });
    const shared = await session(tenant.as, { title: 'kiwi', visibility: 'tenant' });
    const page = await found(member, '/sessions', { search: 'kiwi', limit: '2' });
    expect([page.data.map(({ id }) => id), page.nextCursor]).toEqual([[shared, mine], null]);
    expect(await onePerPage(member, '/sessions', { search: 'kiwi' })).toEqual([shared, mine]);
    expect(await sessions(viewer, 'kiwi')).toEqual([shared]);
    expect(await sessions(admin, 'kiwi', { limit: '100' })).toHaveLength(27);
    await member.get(`/sessions/${String(hidden[0])}/messages?search=kiwi`).expect(404);
    await tenant.as.patch(`/sessions/${shared}`, { visibility: 'private' }).expect(200);
    expect(await sessions(viewer, 'kiwi')).toEqual([]);
  });

  it('is all that belongs to another tenant', async () => {
    const ours = await given.tenant();
    const theirs = await given.tenant();
    const id = await session(theirs.as, { title: 'kiwi', visibility: 'tenant' });
    await keep(theirs, id, ['kiwi']);
    expect(await sessions(ours.as, 'kiwi')).toEqual([]);
    expect(await sessions(ours.as, `${theirs.tenantId.slice(-4)}kiwi`)).toEqual([]);
    await ours.as.get(`/sessions/${id}/messages?search=kiwi`).expect(404);
  });

  it('is what was deleted', async () => {
    const tenant = await conversation('kiwi one', 'kiwi two');
    const { as, sessionId, tenantId } = tenant;
    await runAs(Actor.job(tenantId), () =>
      app.nest
        .get(Db)
        .sql(`UPDATE messages SET deleted_at = now() WHERE tenant_id = :tenantId AND content = 'kiwi two'`),
    );
    expect([await texts(as, sessionId, 'two'), await sessions(as, 'two')]).toEqual([[], []]);
    await as.delete(`/sessions/${sessionId}`).expect(204);
    expect(await sessions(as, 'kiwi')).toEqual([]);
  });
});

describe('A text of any kind', () => {
  const chars = (from: number, many: number) => Array.from({ length: many }, (_, n) => String.fromCodePoint(from + n));
  const pairs = chars(0x20000, 300).flatMap((a) => chars(0x21000, 300).map((b) => a + b));

  it.each<[string, string]>([
    ['a million characters of one word', 'x'.repeat(1_000_000)],
    ['half a million short words', 'ab '.repeat(330_000)],
    ['a word a million times', 'a '.repeat(500_000)],
    ['all different words', Array.from({ length: 120_000 }, (_, n) => n.toString(36)).join(' ')],
    ['single letters of four bytes', [...chars(0x20000, 42_000), ...chars(0x30000, 4_000)].join(' ')],
    ['pairs of letters of four bytes', pairs.join(' ')],
    [
      'long words of four bytes',
      chars(0x20000, 140)
        .map((a) => a + '𠀀'.repeat(499))
        .join(' '),
    ],
    [
      'words longer than are kept',
      chars(0x4e00, 60)
        .map((a) => a.repeat(5_000))
        .join(' '),
    ],
    ['punctuation alone', '\'"\\&|!:*<->()'.repeat(60_000)],
    ['quotes and backslashes in words', `it''s\\ a \\'b\\' 'c`.repeat(20_000)],
    ['tags, addresses and entities', '<a href="x&amp;y@z.de">-1e5 http://a.b/c?d=e</a> '.repeat(15_000)],
    ['letters that grow in lower case', 'İȺȾ '.repeat(60_000)],
    ['combining and invisible marks', 'e\u0301\u200d\u202e\ufeff '.repeat(60_000)],
  ])('is kept and found: %s', async (_what, text) => {
    const tenant = await given.tenant();
    const sessionId = await session(tenant.as);
    await keep(tenant, sessionId, [`needle ${text}`]);
    expect(await sessions(tenant.as, 'needle')).toEqual([sessionId]);
  });

  it('comes in by the front door too', async () => {
    const { as } = await given.tenant();
    const sessionId = await session(as);
    const content = `needle ${pairs.join(' ').slice(0, 110_000)}`;
    await say(as, sessionId, content);
    expect(await texts(as, sessionId, 'needle', { role: 'user' })).toEqual([content]);
  });
});
