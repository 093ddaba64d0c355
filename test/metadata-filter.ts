/** What a filter of API.md section 5 says of one document's metadata, in the plainest way. */
export function matches(metadata: object, filter: object): boolean {
  return Object.entries(filter).every(([name, value]) => {
    if (name === '$and') return (value as object[]).every((part) => matches(metadata, part));
    if (name === '$or') return (value as object[]).some((part) => matches(metadata, part));
    if (name === '$not') return !matches(metadata, value as object);
    const found = new Map(Object.entries(metadata) as [string, unknown][]);
    const operations =
      isObject(value) && Object.keys(value).some((key) => key.startsWith('$')) ? value : { $eq: value };
    return Object.entries(operations).every(([operator, operand]) => holds(found, name, operator, operand));
  });
}

function holds(found: Map<string, unknown>, name: string, operator: string, operand: unknown): boolean {
  if (operator === '$exists') return found.has(name) === operand;
  if (operator === '$ne') return !holds(found, name, '$eq', operand);
  if (!found.has(name)) return false;
  const value = found.get(name);
  const candidates = Array.isArray(value) ? [value, ...(value as unknown[])] : [value];
  return candidates.some((candidate) => {
    if (operator === '$eq') return equal(candidate, operand);
    if (operator === '$in') return (operand as unknown[]).some((one) => equal(candidate, one));
    const order = compare(candidate, operand);
    if (order === undefined) return false;
    return { $gt: order > 0, $gte: order >= 0, $lt: order < 0, $lte: order <= 0 }[operator] ?? false;
  });
}

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, n) => equal(item, b[n]));
  }
  if (!isObject(a) || !isObject(b)) return a === b;
  const [ours, theirs] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return ours.size === theirs.size && [...ours].every(([key, part]) => theirs.has(key) && equal(part, theirs.get(key)));
}

/** Undefined where there is no order. */
function compare(a: unknown, b: unknown): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b || Number(a > b) - Number(a < b);
  if (typeof a !== 'string' || typeof b !== 'string') return undefined;
  // UTF-8 is in the order of code points.
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
