/** What a provider that fails says of it, as far as it may be shown. */

/** Without keys and tokens, control characters and excess. */
export function withoutSecrets(text: string, apiKey: string | null, mostChars: number): string {
  return (apiKey ? text.replaceAll(apiKey, '***') : text)
    .replace(/\b(sk|pa|al)-[\w-]{6,}/g, '***')
    .replace(/\b(bearer)\s+\S+/gi, '$1 ***')
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, mostChars)
    .toWellFormed();
}

/** `retry-after-ms`, else `retry-after` in seconds or as a date. */
export function retryAfterMs(headers: Headers | undefined): number | undefined {
  const exact = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (exact >= 0) return exact;
  const text = headers?.get('retry-after');
  if (!text) return undefined;
  const seconds = Number(text);
  const ms = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** The system's code of a network error, such as ` (ECONNREFUSED)`, from however deep it lies. */
export function codeOf(error: unknown): string {
  for (let cause = error, depth = 0; cause && depth < 5; depth += 1) {
    const { code, cause: deeper } = cause as { code?: unknown; cause?: unknown };
    if (typeof code === 'string') return ` (${code})`;
    cause = deeper;
  }
  return '';
}
