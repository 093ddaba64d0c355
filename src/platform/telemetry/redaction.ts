import { isSecretName } from './secret-names.js';

export const HIDDEN = '[hidden]';

const MAX_DEPTH = 8;
const MAX_VALUES = 1_000;
const MAX_CAUSES = 5;
const MAX_TEXT_CHARS = 20_000;

/** Every repetition is bounded, so that a long text made for it can't hold up the process. */
const IN_TEXT: readonly [RegExp, string][] = [
  [/(\b[a-z][a-z\d+.-]{0,20}:\/\/[^\s:/@]{0,256}):[^\s/@]{1,256}@/gi, `$1:${HIDDEN}@`],
  [/\b(Bearer|Basic) {1,4}[\w.~+/=-]{8,4096}/gi, `$1 ${HIDDEN}`],
  [/\bsk-[\w-]{8,256}/g, HIDDEN],
  [/\bwhsec_[\w+/=-]{8,256}/g, HIDDEN],
  [/\beyJ[\w-]{8,2048}\.[\w-]{1,4096}\.[\w-]{0,1024}/g, HIDDEN],
];

/** What each of them needs: most texts have none of it, and are looked at once. */
const SUSPECT = /:\/\/|bearer|basic|sk-|whsec_|eyJ/i;

/** Hides what looks like a credential inside of a text: passwords in URLs, bearer tokens, API keys, JWTs. */
export function maskText(text: string): string {
  let masked = text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)} [cut]` : text;
  if (!SUSPECT.test(masked)) return masked;
  for (const [pattern, replacement] of IN_TEXT) masked = masked.replace(pattern, replacement);
  return masked;
}

/** A copy without the values of secret names, at any depth; errors become plain objects with their causes. */
export function redact(value: unknown): unknown {
  return copy(value, 0, { left: MAX_VALUES });
}

function copy(value: unknown, depth: number, values: { left: number }): unknown {
  if (typeof value === 'string') return maskText(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof Error) return describeError(value);
  if (depth === MAX_DEPTH) return '[deep]';
  const isLeftOut = () => --values.left < 0;
  if (Array.isArray(value)) return value.map((item) => (isLeftOut() ? '[more]' : copy(item, depth + 1, values)));
  return Object.fromEntries(
    Object.entries(value)
      .filter(() => !isLeftOut())
      .map(([name, part]) => [name, isSecretName(name) && part != null ? HIDDEN : copy(part, depth + 1, values)]),
  );
}

interface DescribedError {
  type: string;
  message: string;
  code?: string;
  /** Where in this program it arose; the rest of the stack is nobody's business. */
  at?: string;
  cause?: DescribedError;
}

const OWN_FRAME = /\/(?:dist|src)\/((?:[\w.-]+\/)*[\w.-]+:\d+):\d+\)?$/;

/** The first of our own lines in the error's stack, as `folder/file.js:line`; null when there is none. */
export function placeOf({ stack = '' }: Error): string | null {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('node_modules'));
  return frames.map((line) => OWN_FRAME.exec(line)?.[1]).find((place) => place !== undefined) ?? null;
}

/**
 * An error as the log shows it, with the errors that caused it. Of its own properties only `code` is taken: those of
 * database and HTTP clients carry statements, parameters and request headers.
 */
function describeError(error: Error, causes = 0): DescribedError {
  const { code, cause } = error as Error & { code?: unknown };
  const at = placeOf(error);
  return {
    type: error.constructor.name,
    message: maskText(error.message),
    ...(typeof code === 'string' && { code }),
    ...(at !== null && { at }),
    ...(cause instanceof Error && causes < MAX_CAUSES && { cause: describeError(cause, causes + 1) }),
  };
}
