const HIDDEN = '***';
/** Shorter ones would be found everywhere. */
const SHORTEST = 8;

/** What of headers' values must not come back: each whole, and without the scheme before it. */
export function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  const values = Object.values(headers).flatMap((value) => [value, value.replace(/^[A-Za-z]+ +/, '')]);
  return [...new Set(values)].filter((value) => value.length >= SHORTEST).sort((a, b) => b.length - a.length);
}

/** The same, with `***` in the place of secrets: a server may repeat what it was sent. */
export function withoutSecrets<T>(value: T, secrets: readonly string[]): T {
  if (secrets.length === 0) return value;
  const text = JSON.stringify(value) as string | undefined;
  // Most answers have none, and this is one pass over it.
  if (text === undefined || !secrets.some((secret) => text.includes(JSON.stringify(secret).slice(1, -1)))) return value;
  return masked(value, secrets) as T;
}

function masked(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, HIDDEN), value);
  if (Array.isArray(value)) return value.map((item) => masked(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [masked(name, secrets), masked(part, secrets)]),
  );
}
