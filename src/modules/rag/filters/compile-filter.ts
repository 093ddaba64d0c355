import { readFilter, type Condition } from './filter-conditions.js';

export interface CompiledFilter {
  /** A condition in parentheses, true or false and never null. */
  readonly sql: string;
  /** By the names `f0`, `f1` …, for `db.sql`; the statement `varies`. */
  readonly parameters: Record<string, unknown>;
}

/**
 * A filter over metadata as a condition on a `jsonb` column. Names and values are parameters, all of them; only
 * `column`, which is ours, is SQL.
 *
 * Equality is that of JSON: `1` is `1.0` and not `"1"`, `null` is only `null`, objects and lists are equal as a whole.
 * Each operator holds for a field that is a list when it holds for one of its elements (or, being equal, for the list
 * itself), and each for itself: `{"$gt": 1, "$lt": 3}` holds for `[0, 4]`, as `$and` of the two would. `$ne` and `$not`
 * are true where what they negate is not, so also without the field. Numbers are compared with numbers and texts with
 * texts, by code points; anything else is neither greater nor less.
 * @throws ValidationFailed naming the place in `filter`
 */
export function compileFilter(filter: unknown, column: string): CompiledFilter {
  const parameters: Record<string, unknown> = {};
  let count = 0;
  const bind = (value: unknown): string => {
    const name = `f${count}`;
    count += 1;
    parameters[name] = value;
    return `:${name}`;
  };
  return { sql: conditionSql(readFilter(filter), column, bind), parameters };
}

type Bind = (value: unknown) => string;

function conditionSql(condition: Condition, column: string, bind: Bind): string {
  switch (condition.kind) {
    case 'all':
    case 'any': {
      if (condition.of.length === 0) return condition.kind === 'all' ? 'TRUE' : 'FALSE';
      const parts = condition.of.map((part) => conditionSql(part, column, bind));
      return `(${parts.join(condition.kind === 'all' ? ' AND ' : ' OR ')})`;
    }
    case 'not':
      return `(NOT ${conditionSql(condition.of, column, bind)})`;
    case 'exists':
      return `(${field(condition.key, column, bind)} IS NOT NULL)`;
    case 'among':
      return forOne(field(condition.key, column, bind), equalTo(condition.values, bind), { alsoWhole: true });
    case 'compare':
      return forOne(field(condition.key, column, bind), comparedTo(condition, bind), { alsoWhole: false });
  }
}

function field(key: string, column: string, bind: Bind): string {
  return `(${column} -> ${bind(key)}::text)`;
}

type Test = (value: string) => string;

function equalTo(values: unknown[], bind: Bind): Test {
  const [first, ...more] = values.map((value) => JSON.stringify(value));
  const operand = first !== undefined && more.length === 0 ? `${bind(first)}::jsonb` : undefined;
  const list = operand ?? `ANY (${bind(first === undefined ? [] : [first, ...more])}::jsonb[])`;
  return (value) => `${value} = ${list}`;
}

function comparedTo({ operator, operand }: Extract<Condition, { kind: 'compare' }>, bind: Bind): Test {
  if (typeof operand === 'number') {
    const number = bind(JSON.stringify(operand));
    return (value) => `jsonb_typeof(${value}) = 'number' AND ${value} ${operator} ${number}::jsonb`;
  }
  const text = bind(operand);
  return (value) => `jsonb_typeof(${value}) = 'string' AND (${value} #>> '{}') COLLATE "C" ${operator} ${text}::text`;
}

/** CASE, since a list must be known to be one before its elements are asked for. */
function forOne(value: string, test: Test, { alsoWhole }: { alsoWhole: boolean }): string {
  const element = `EXISTS (SELECT 1 FROM jsonb_array_elements(${value}) AS element (value) WHERE ${test('element.value')})`;
  const ofList = alsoWhole ? `(${test(value)} OR ${element})` : element;
  return `(CASE WHEN jsonb_typeof(${value}) = 'array' THEN ${ofList} ELSE coalesce(${test(value)}, FALSE) END)`;
}
