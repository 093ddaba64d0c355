import { ValidationFailed } from '../../../contracts/errors.js';
import { fieldPath } from '../../../platform/http/field-path.js';

/** What a filter asks of a document's metadata. */
export type Condition =
  | { kind: 'all' | 'any'; of: Condition[] }
  | { kind: 'not'; of: Condition }
  | { kind: 'exists'; key: string }
  /** The value, or an element of it, is one of these. */
  | { kind: 'among'; key: string; values: unknown[] }
  /** The value, or an element of it, is of the operand's kind and stands so to it. */
  | { kind: 'compare'; key: string; operator: Comparison; operand: number | string };

const COMPARISONS = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' } as const;
type Comparison = (typeof COMPARISONS)[keyof typeof COMPARISONS];

const OPERATORS = ['$eq', '$ne', '$in', '$gt', '$gte', '$lt', '$lte', '$exists'];
const COMBINATIONS = ['$and', '$or', '$not'];

const MOST = {
  /** `$and`, `$or` and `$not` within one another; and the levels of a value. */
  depth: 20,
  in: 1_000,
  /** What is asked of every document; the statement grows with it. */
  conditions: 500,
  /** All values of all `$in` together. */
  values: 10_000,
} as const;

type Step = string | number;

/**
 * Reads a filter as a client sent it; whatever it holds, it takes no more time or stack than the limits allow.
 * @throws ValidationFailed naming the place, such as `filter.$and[2].price.$foo`
 */
export function readFilter(filter: unknown, name = 'filter'): Condition {
  return new FilterReader().read(filter, [name], 0);
}

class FilterReader {
  private conditions = 0;
  private values = 0;

  read(filter: unknown, path: Step[], depth: number): Condition {
    if (!isObject(filter)) throw refused(path, 'must be an object');
    if (depth > MOST.depth) throw refused(path.slice(0, 1), `must not be nested more than ${MOST.depth} levels deep`);
    this.count(path);
    const of = Object.entries(filter).map(([name, value]) => {
      const at = [...path, name];
      if (name === '$not') return { kind: 'not', of: this.read(value, at, depth + 1) } as const;
      if (name === '$and' || name === '$or') return this.combination(name, value, at, depth);
      if (name.startsWith('$')) throw refused(at, notKnown(name, OPERATORS.includes(name)));
      if (!isStorable(name)) throw refused(at, 'must be a name without NUL and lone surrogates');
      return this.field(name, value, at);
    });
    return { kind: 'all', of };
  }

  private combination(name: '$and' | '$or', value: unknown, path: Step[], depth: number): Condition {
    if (!Array.isArray(value) || value.length === 0) throw refused(path, 'must be a list of filters, at least one');
    const of = value.map((filter, index) => this.read(filter, [...path, index], depth + 1));
    return { kind: name === '$and' ? 'all' : 'any', of };
  }

  /** `{"$eq": …}` and the like, or a value to be equal to. */
  private field(key: string, value: unknown, path: Step[]): Condition {
    const names = isObject(value) ? Object.keys(value) : [];
    if (!isObject(value) || !names.some((name) => name.startsWith('$'))) {
      this.count(path);
      return among(key, [literal(value, path, 'plain')]);
    }
    const of = Object.entries(value).map(([name, operand]) => {
      this.count(path);
      return this.operation(key, name, operand, [...path, name]);
    });
    return { kind: 'all', of };
  }

  private operation(key: string, name: string, operand: unknown, path: Step[]): Condition {
    switch (name) {
      case '$eq':
        return among(key, [literal(operand, path, 'quoted')]);
      case '$ne':
        return { kind: 'not', of: among(key, [literal(operand, path, 'quoted')]) };
      case '$in':
        return among(key, this.list(operand, path));
      case '$exists':
        if (typeof operand !== 'boolean') throw refused(path, 'must be true or false');
        return operand ? { kind: 'exists', key } : { kind: 'not', of: { kind: 'exists', key } };
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte': {
        const value = literal(operand, path, 'quoted');
        if (typeof value !== 'number' && typeof value !== 'string') throw refused(path, 'must be a number or a text');
        return { kind: 'compare', key, operator: COMPARISONS[name], operand: value };
      }
      default:
        throw refused(path, notKnown(name, COMBINATIONS.includes(name)));
    }
  }

  private list(operand: unknown, path: Step[]): unknown[] {
    if (!Array.isArray(operand)) throw refused(path, 'must be a list of values');
    if (operand.length > MOST.in) throw refused(path, `must not have more than ${MOST.in} values`);
    this.values += operand.length;
    if (this.values > MOST.values) throw refused(path.slice(0, 1), `must not have more than ${MOST.values} values`);
    return operand.map((value, index) => literal(value, [...path, index], 'quoted'));
  }

  private count(path: Step[]): void {
    this.conditions += 1;
    if (this.conditions > MOST.conditions)
      throw refused(path.slice(0, 1), `must not have more than ${MOST.conditions} conditions`);
  }
}

function among(key: string, values: unknown[]): Condition {
  return { kind: 'among', key, values };
}

/**
 * A value to compare with, once it is known to be one that can be stored. Below a field's name (`plain`) an operator deep
 * inside is a mistake; what an operator quotes may have such names.
 */
function literal(value: unknown, path: Step[], as: 'plain' | 'quoted', depth = 0): unknown {
  if (depth > MOST.depth) throw refused(path.slice(0, 2), `must not be nested more than ${MOST.depth} levels deep`);
  if (typeof value === 'string' && !isStorable(value))
    throw refused(path, 'must be text without NUL and lone surrogates');
  // Written as 1e999.
  if (typeof value === 'number' && !Number.isFinite(value)) throw refused(path, 'must be a finite number');
  if (Array.isArray(value)) value.forEach((item, index) => literal(item, [...path, index], as, depth + 1));
  else if (isObject(value)) {
    for (const [name, part] of Object.entries(value)) {
      if (as === 'plain' && name.startsWith('$')) throw refused([...path, name], `${IS_NO_VALUE}, unless below $eq`);
      if (!isStorable(name)) throw refused([...path, name], 'must be a name without NUL and lone surrogates');
      literal(part, [...path, name], as, depth + 1);
    }
  }
  return value;
}

const IS_NO_VALUE = 'stands inside a value, where names must not begin with $';

function notKnown(name: string, isElsewhere: boolean): string {
  if (isElsewhere) return COMBINATIONS.includes(name) ? 'combines filters, not values' : 'must stand below a field';
  return `is no operator: known are ${[...OPERATORS, ...COMBINATIONS].join(', ')}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function refused(path: Step[], fault: string): ValidationFailed {
  const field = fieldPath(path);
  return ValidationFailed.of(field, `${field} ${fault}`);
}
