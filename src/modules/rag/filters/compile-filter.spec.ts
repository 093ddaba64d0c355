import { describe, expect, it } from '@jest/globals';
import { ValidationFailed } from '../../../contracts/errors.js';
import { compileFilter } from './compile-filter.js';

function faultOf(filter: unknown): string {
  try {
    compileFilter(filter, 'd.metadata');
  } catch (error) {
    if (error instanceof ValidationFailed)
      return error.errors.map(({ field, message }) => `${field}|${message}`).join();
    throw error;
  }
  return 'none';
}

function nested(depth: number, build: (inner: object) => object): object {
  let filter: object = { a: 1 };
  for (let level = 0; level < depth; level += 1) filter = build(filter);
  return filter;
}

const many = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

describe('a filter', () => {
  it('is SQL of ours; names and values are parameters', () => {
    const hostile = `x'); DROP TABLE rag_documents; -- :tenantId $1 "`;
    const { sql, parameters } = compileFilter(
      { [hostile]: hostile, $or: [{ [hostile]: { $gt: hostile } }] },
      'd.metadata',
    );
    expect(sql).not.toContain('DROP');
    expect(sql.match(/:f\d+/g)).toEqual(expect.arrayContaining([':f0', ':f1', ':f2', ':f3']));
    expect(Object.values(parameters)).toEqual([hostile, JSON.stringify(hostile), hostile, hostile]);
  });

  it.each([
    [null, 'filter|filter must be an object'],
    ['x', 'filter|filter must be an object'],
    [[], 'filter|filter must be an object'],
    [{ $foo: 1 }, /^filter\.\$foo\|.*is no operator: known are \$eq, /],
    [{ $: 1 }, /^filter\.\$\|/],
    [{ $eq: 1 }, 'filter.$eq|filter.$eq must stand below a field'],
    [{ $and: [{ a: 1 }, {}, { price: { $foo: 1 } }] }, /^filter\.\$and\[2\]\.price\.\$foo\|/],
    [{ a: { $gt: 1, b: 2 } }, /^filter\.a\.b\|.*is no operator/],
    [{ a: { $not: { $gt: 1 } } }, 'filter.a.$not|filter.a.$not combines filters, not values'],
    [{ a: { b: { $gt: 1 } } }, /^filter\.a\.b\.\$gt\|/],
    [{ a: [{ $gt: 1 }] }, /^filter\.a\[0\]\.\$gt\|/],
    [{ $and: {} }, /^filter\.\$and\|/],
    [{ $or: [] }, /^filter\.\$or\|.*at least one/],
    [{ $or: [1] }, 'filter.$or[0]|filter.$or[0] must be an object'],
    [{ $not: [] }, 'filter.$not|filter.$not must be an object'],
    [{ a: { $in: 1 } }, 'filter.a.$in|filter.a.$in must be a list of values'],
    [{ a: { $in: many(1_001, String) } }, /^filter\.a\.\$in\|.*1000/],
    [{ a: { $exists: 1 } }, 'filter.a.$exists|filter.a.$exists must be true or false'],
    [{ a: { $gt: null } }, 'filter.a.$gt|filter.a.$gt must be a number or a text'],
    [{ a: { $lte: [1] } }, /^filter\.a\.\$lte\|/],
    [{ a: { $lt: true } }, /^filter\.a\.\$lt\|/],
    [{ a: 'x\0' }, /^filter\.a\|.*NUL/],
    [{ a: { $in: ['x', '\ud800'] } }, /^filter\.a\.\$in\[1\]\|.*surrogates/],
    [{ a: { $eq: { '\udc00': 1 } } }, /NUL and lone surrogates/],
    [{ 'a\0b': 1 }, /^filter\.a\uFFFDb\|.*NUL/],
    [{ '\ud800': 1 }, /surrogates/],
    [{ a: Infinity }, 'filter.a|filter.a must be a finite number'],
    [{ a: { $gt: NaN } }, /finite/],
    [nested(21, (a) => ({ $not: a })), 'filter|filter must not be nested more than 20 levels deep'],
    [nested(100_000, (a) => ({ $and: [a] })), /^filter\|.*20 levels/],
    [nested(100_000, (a) => ({ $or: [a] })), /^filter\|.*20 levels/],
    [{ a: { $eq: nested(100_000, (a) => ({ a })) } }, /^filter\.a\|.*20 levels/],
    [{ a: nested(100_000, (a) => [a]) }, /^filter\.a\|.*20 levels/],
    [Object.fromEntries(many(600, (n) => [`k${n}`, n])), 'filter|filter must not have more than 500 conditions'],
    [{ $and: many(100_000, () => ({})) }, /^filter\|.*500 conditions/],
    [Object.fromEntries(many(11, (n) => [`k${n}`, { $in: many(1_000, Number) }])), /^filter\|.*10000 values/],
  ])('%# is refused where it is wrong', (filter, fault) => {
    if (typeof fault === 'string') expect(faultOf(filter)).toBe(fault);
    else expect(faultOf(filter)).toMatch(fault);
  });

  it.each([
    [{}],
    [{ a: {} }],
    [{ a: { $in: [] } }],
    [{ a: { $in: many(1_000, String) } }],
    [{ a: { $eq: { $gt: 1 } } }],
    [nested(20, (a) => ({ $not: a }))],
    [nested(20, (a) => ({ $and: [a] }))],
    [JSON.parse('{"__proto__": 1, "constructor": {"$ne": 2}, "": 3, "a.b": 4}') as object],
  ])('%# is accepted', (filter) => {
    expect(faultOf(filter)).toBe('none');
  });

  it('is of bounded size whatever it holds', () => {
    const filter = { $or: many(249, (n) => ({ [`${n}`.repeat(1_000)]: { $in: ['x'.repeat(1_000), n] } })) };
    expect(compileFilter(filter, 'd.metadata').sql.length).toBeLessThan(100_000);
  });
});
