/** Deeper than this nothing means anything any more, and Postgres would run out of stack. */
const MAX_DEPTH = 64;

/** Postgres holds no NUL in text, and half a surrogate pair is no character. */
export function storableText(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed();
}

/**
 * JSON as it comes back from a `jsonb` column: its texts and names storable, its names in the order in which jsonb keeps
 * them (shorter first, then by bytes), what lies more than 64 levels deep null. What is sent on before and after a
 * reload is then the same to the byte, as prompt caches and signatures need it.
 */
export function storableJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return storableText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((item) => storableJson(item, depth + 1));
  const entries = Object.entries(value).map(([name, part]) => {
    const key = storableText(name);
    return { key, bytes: Buffer.from(key), part: storableJson(part, depth + 1) };
  });
  entries.sort((a, b) => a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes));
  return Object.fromEntries(entries.map(({ key, part }) => [key, part]));
}
