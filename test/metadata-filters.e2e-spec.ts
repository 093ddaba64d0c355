import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compileFilter } from '../src/modules/rag/filters/compile-filter.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import type { Db } from '../src/platform/database/db.js';
import { openTestDatabase } from './database.js';
import { matches } from './metadata-filter.js';
import { publicStrings } from './public-data.js';

const parse = (json: string) => JSON.parse(json) as object;

const KEYS = ['a', 'b', 'a.b', '', "'; DROP TABLE tenants; --", 'ключ', 'constructor', '$x', '__proto__', '😀', 'a"\\'];

const VALUES: unknown[] = [
  ...[null, true, false, 0, -0, 1, 1.5, -1, 2, 10, 2 ** 53, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 0.1 + 0.2],
  ...[
    '',
    '0',
    '1',
    'a',
    'A',
    'b',
    'ä',
    'z',
    '10',
    '9',
    'true',
    'null',
    '\uFFFD',
    '\uE000',
    '😀',
    '𠮷',
    'a b',
    '%',
    '\\',
    '"',
    '{}',
  ],
  ...[
    [],
    [1],
    [[1]],
    [1, 2],
    [2, 1],
    ['1'],
    [null],
    [[]],
    [{}],
    [0, 4],
    ['a', 1, null, true],
    [[1], 'a'],
    [{ a: 1 }, 2],
  ],
  ...[{}, { a: 1 }, { a: 1, b: 2 }, { b: 2, a: 1 }, { a: [1] }, { $gt: 1 }, { a: null }, [['a', 'b'], 'b']],
];

const OPERATORS = ['$eq', '$ne', '$in', '$gt', '$gte', '$lt', '$lte', '$exists', 'plain'];

/** Repeatable, so that what fails once can be looked at. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof randomOf>;

const oneOf = <T>(list: readonly T[], random: Random): T => list[random(list.length)]!;

function object(entries: [string, unknown][]): object {
  return parse(`{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`);
}

function randomMetadata(random: Random): object {
  const keys = new Set(Array.from({ length: random(4) }, () => oneOf(KEYS, random)));
  return object([...keys].map((key) => [key, oneOf(VALUES, random)]));
}

function randomOperation(operator: string, random: Random): unknown {
  if (operator === '$in') return Array.from({ length: random(12) }, () => oneOf(VALUES, random));
  if (operator === '$exists') return random(2) === 0;
  const ordered = VALUES.filter((value) => typeof value === 'number' || typeof value === 'string');
  return oneOf(
    operator.length > 3 || operator.startsWith('$g') || operator.startsWith('$l') ? ordered : VALUES,
    random,
  );
}

function randomFilter(random: Random, depth = 0): object {
  const kind = random(depth > 3 ? 5 : 9);
  if (kind === 8) return { $not: randomFilter(random, depth + 1) };
  if (kind >= 6) {
    const parts = Array.from({ length: 1 + random(3) }, () => randomFilter(random, depth + 1));
    return { [kind === 7 ? '$and' : '$or']: parts };
  }
  const key = oneOf(
    KEYS.filter((name) => !name.startsWith('$')),
    random,
  );
  const names = Array.from({ length: 1 + random(2) }, () => oneOf(OPERATORS, random));
  if (names.includes('plain')) {
    const plain = VALUES.filter((value) => !JSON.stringify(value).includes('$'));
    return object([[key, oneOf(plain, random)]]);
  }
  return object([[key, Object.fromEntries(names.map((name) => [name, randomOperation(name, random)]))]]);
}

const strings = publicStrings('vectors/naughty-strings.json').filter((s) => s.isWellFormed() && !s.includes('\0'));
/** Where the public data is. */
const withStrings = strings.length > 0 ? it : it.skip;

describe('filters over metadata, in the database', () => {
  const actor = Actor.job(randomUUID());
  let database: Awaited<ReturnType<typeof openTestDatabase>>;
  let db: Db;
  beforeAll(async () => {
    database = await openTestDatabase();
    db = database.db;
  });
  afterAll(() => database.close());

  /** The numbers of those that match. */
  async function found(documents: object[], filter: object): Promise<number[]> {
    const { sql, parameters } = compileFilter(filter, 'd.metadata');
    const text = `SELECT d.number::int AS number FROM jsonb_array_elements(:documents::jsonb)
      WITH ORDINALITY AS d (metadata, number) WHERE :tenantId::uuid IS NOT NULL AND ${sql} ORDER BY number`;
    const values = { ...parameters, documents: JSON.stringify(documents) };
    return runAs(actor, () =>
      db.run(async () =>
        (await db.sql<{ number: number }>(text, values, { varies: true })).map((row) => row.number - 1),
      ),
    );
  }

  const expected = (documents: object[], filter: object) =>
    documents.flatMap((document, index) => (matches(document, filter) ? [index] : []));

  it('find what they say they find', async () => {
    const documents = [
      ...[{}, { tag: 'a' }, { tag: ['a', 'b'] }, { tag: null }, { tag: 1 }, { tag: '1' }, { tag: { x: 1, y: [2] } }],
      ...[{ tag: [0, 4] }, { tag: 2 }, { tag: [['a', 'b']] }, { 'tag.x': 1 }, { tag: [] }],
    ];
    const cases: [object, number[]][] = [
      [{}, documents.map((_, index) => index)],
      [{ tag: 'a' }, [1, 2]],
      [{ tag: ['a', 'b'] }, [2, 9]],
      [{ tag: 1 }, [4]],
      [{ tag: null }, [3]],
      [{ tag: { y: [2], x: 1.0 } }, [6]],
      [{ tag: { x: 1 } }, []],
      [{ 'tag.x': 1 }, [10]],
      [{ tag: [] }, [11]],
      [{ tag: { $ne: 'a' } }, [0, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
      [{ tag: { $gt: 1, $lt: 3 } }, [7, 8]],
      [{ tag: { $gte: 'a' } }, [1, 2]],
      [{ tag: { $exists: false } }, [0, 10]],
      [{ tag: { $in: ['b', 4, null] } }, [2, 3, 7]],
      [{ tag: { $in: [] } }, []],
      [{ $not: { tag: { $exists: true } } }, [0, 10]],
      [{ $not: {} }, []],
      [{ $or: [{ tag: 1 }, { 'tag.x': { $gt: 0 } }], tag: { $ne: 1 } }, [10]],
    ];
    for (const [filter, numbers] of cases) {
      expect({ filter, found: await found(documents, filter) }).toEqual({ filter, found: numbers });
      expect({ filter, found: expected(documents, filter) }).toEqual({ filter, found: numbers });
    }
  });

  it('compare texts by code points, whatever the database’s language', async () => {
    const texts = ['Z', 'a', 'z', 'ä', '\uFFFD', '😀'];
    for (const [index, text] of texts.entries())
      expect(
        await found(
          texts.map((t) => ({ t })),
          { t: { $gt: text } },
        ),
      ).toEqual(texts.flatMap((_, other) => (other > index ? [other] : [])));
  });

  it.each([1, 2, 3, 4])('answer as a plain reading of them does (seed %i)', async (seed) => {
    const random = randomOf(seed);
    const documents = [
      ...VALUES.map((value) => object([['a', value]])),
      ...Array.from({ length: 300 }, () => randomMetadata(random)),
    ];
    for (let round = 0; round < 150; round += 1) {
      const filter = randomFilter(random);
      expect({ filter, found: await found(documents, filter) }).toEqual({ filter, found: expected(documents, filter) });
    }
  });

  withStrings('take hostile names and values for what they are', async () => {
    const documents = strings.map((text) => object([[text, text]]));
    const sample = strings.filter((text, index) => !text.startsWith('$') && index % 4 === 0);
    for (const text of sample) {
      const filter = object([[text, { $in: [text, `${text}?`] }]]);
      expect({ text, found: await found(documents, filter) }).toEqual({ text, found: expected(documents, filter) });
    }
    expect(
      await found(documents, { $or: sample.slice(0, 200).map((text) => object([[text, { $eq: text }]])) }),
    ).toEqual(
      documents.flatMap((document, n) =>
        sample.slice(0, 200).some((text) => Object.hasOwn(document, text)) ? [n] : [],
      ),
    );
  });

  it('work at the limits', async () => {
    const documents = [{ a: 999 }, { a: [1, 2, 3] }, { a: 'x' }];
    let deep: object = { a: { $in: Array.from({ length: 1_000 }, (_, n) => n) } };
    for (let level = 0; level < 20; level += 1) deep = { $and: [{ $not: deep }, {}] };
    await expect(found(documents, deep)).rejects.toMatchObject({ status: 422 });
    let fitting: object = { a: { $in: Array.from({ length: 1_000 }, (_, n) => n) } };
    for (let level = 0; level < 20; level += 1) fitting = { $not: fitting };
    expect(await found(documents, fitting)).toEqual([0, 1]);
    const wide = { $or: Array.from({ length: 249 }, (_, n) => ({ a: n + 900 })) };
    expect(await found(documents, wide)).toEqual([0]);
  });
});
