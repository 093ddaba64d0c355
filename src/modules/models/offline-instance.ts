type Schema = Record<string, unknown>;

/** Looked at in one schema; one that refers to itself twice would have more than can be counted. */
const MOST_SCHEMAS = 2_000;
const DEEPEST = 24;
/** So deep, what is not demanded is left out. */
const SHALLOW = 3;
const MOST_ITEMS = 100;
/** Of one text, of which there may be many. */
const LONGEST_TEXT = 1_000;

/** Values of formats that words can't stand for. */
const FORMATS: Record<string, string> = {
  'date-time': '1970-01-01T00:00:00Z',
  date: '1970-01-01',
  time: '00:00:00Z',
  duration: 'PT0S',
  email: 'nobody@example.com',
  hostname: 'example.com',
  ipv4: '127.0.0.1',
  ipv6: '::1',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

/**
 * A small value that fits a JSON Schema where types, constants, defaults, bounds and what is required tell it; the
 * texts in it are `words`, its numbers the last one in them if it fits. Conditions and patterns are not solved.
 */
export function instanceOf(schema: Schema, words: string): unknown {
  return new Instance(schema, words.slice(0, LONGEST_TEXT).toWellFormed()).of(schema, 0);
}

class Instance {
  private looked = 0;

  constructor(
    private readonly root: Schema,
    private readonly words: string,
  ) {}

  of(given: unknown, depth: number): unknown {
    if (++this.looked > MOST_SCHEMAS || depth > DEEPEST) return null;
    if (given === true) return this.words;
    if (!isSchema(given)) return null;
    const schema = this.plain(given, depth);
    if ('const' in schema) return schema['const'];
    if (Array.isArray(schema['enum'])) return this.oneOf(schema['enum']);
    if ('default' in schema) return schema['default'];
    switch (typeOf(schema)) {
      case 'object':
        return this.object(schema, depth);
      case 'array':
        return this.list(schema, depth);
      case 'number':
      case 'integer':
        return this.number(schema);
      case 'boolean':
        return false;
      case 'null':
        return null;
      default:
        return this.text(schema);
    }
  }

  /** One schema in place of references, of all that hold together, and of the first of several that may. */
  private plain({ $ref, allOf, anyOf, oneOf, ...rest }: Schema, depth: number): Schema {
    const choices = [anyOf, oneOf].filter(Array.isArray).map((several) => choice(several as unknown[], depth));
    const parts = [
      ...(typeof $ref === 'string' ? [this.referred($ref)] : []),
      ...(Array.isArray(allOf) ? (allOf as unknown[]) : []),
      ...choices,
    ].filter(isSchema);
    let all = rest;
    for (const part of parts) {
      if (++this.looked > MOST_SCHEMAS || depth > DEEPEST) break;
      all = together(all, this.plain(part, depth + 1));
    }
    return all;
  }

  private referred(reference: string): unknown {
    if (!reference.startsWith('#')) return null;
    const names = reference.slice(1).split('/').slice(1);
    return names.reduce<unknown>((inside, name) => {
      const plain = decoded(name).replaceAll('~1', '/').replaceAll('~0', '~');
      return typeof inside === 'object' && inside !== null && Object.hasOwn(inside, plain)
        ? (inside as Schema)[plain]
        : null;
    }, this.root);
  }

  /** The first that the words name, else the first. */
  private oneOf(values: unknown[]): unknown {
    const words = this.words.toLowerCase();
    return (
      values.find((value) => typeof value === 'string' && words.includes(value.toLowerCase())) ?? values[0] ?? null
    );
  }

  private object({ properties, required, additionalProperties }: Schema, depth: number): Schema {
    const known = isSchema(properties) ? properties : {};
    const demanded = Array.isArray(required) ? (required as string[]) : [];
    const names = demanded.length > 0 || depth >= SHALLOW ? demanded : Object.keys(known);
    const entries = names.map((name) => [
      name,
      this.of(Object.hasOwn(known, name) ? known[name] : (additionalProperties ?? true), depth + 1),
    ]);
    return Object.fromEntries(entries) as Schema;
  }

  private list({ prefixItems, items, minItems }: Schema, depth: number): unknown[] {
    const first = Array.isArray(prefixItems) ? (prefixItems as unknown[]) : [];
    const length = Math.min(numberOr(minItems, 0), MOST_ITEMS);
    return Array.from({ length }, (_, index) => this.of(first[index] ?? items ?? true, depth + 1));
  }

  private number(schema: Schema): number {
    const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
    const step = numberOr(multipleOf, 1);
    const fits = (value: number): boolean =>
      Number.isFinite(value) &&
      value >= numberOr(minimum, -Infinity) &&
      value <= numberOr(maximum, Infinity) &&
      value > numberOr(exclusiveMinimum, -Infinity) &&
      value < numberOr(exclusiveMaximum, Infinity) &&
      (multipleOf === undefined || Number.isInteger(value / step)) &&
      (typeOf(schema) === 'number' || Number.isInteger(value));
    const low = numberOr(minimum, numberOr(exclusiveMinimum, 0));
    const high = numberOr(maximum, numberOr(exclusiveMaximum, 0));
    const named = Number(this.words.match(/-?\d+(?:\.\d+)?/g)?.at(-1) ?? NaN);
    const tried = [named, 0, low, Math.ceil(low / step) * step, (Math.floor(low / step) + 1) * step];
    return [...tried, high, Math.floor(high / step) * step, (low + high) / 2].find(fits) ?? low;
  }

  private text({ format, minLength, maxLength }: Schema): string {
    const made = typeof format === 'string' ? FORMATS[format] : undefined;
    if (made !== undefined) return made;
    const least = Math.min(numberOr(minLength, 0), LONGEST_TEXT);
    return [...this.words.padEnd(least, '.')].slice(0, numberOr(maxLength, Infinity)).join('');
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeOf({ type, properties, required, items, prefixItems, minimum, maximum }: Schema): unknown {
  if (Array.isArray(type)) return (type as unknown[]).find((one) => one !== 'null') ?? 'null';
  if (type !== undefined) return type;
  if (properties ?? required) return 'object';
  if (items ?? prefixItems) return 'array';
  return minimum === undefined && maximum === undefined ? 'string' : 'number';
}

const ENDS = new Set<unknown>(['null', 'string', 'boolean', 'number', 'integer']);

/** Deep down the one that ends soonest, or a schema that holds itself would never end. */
function choice(several: unknown[], depth: number): unknown {
  const full = several.filter((one) => !(isSchema(one) && one['type'] === 'null'));
  if (depth < SHALLOW) return full[0] ?? several[0];
  return several.find((one) => isSchema(one) && ENDS.has(one['type'])) ?? several.at(-1);
}

function together(one: Schema, other: Schema): Schema {
  const both = { ...one, ...other };
  if (isSchema(one['properties']) && isSchema(other['properties'])) {
    both['properties'] = { ...one['properties'], ...other['properties'] };
  }
  if (Array.isArray(one['required']) && Array.isArray(other['required'])) {
    both['required'] = [...new Set([...(one['required'] as unknown[]), ...(other['required'] as unknown[])])];
  }
  return both;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
