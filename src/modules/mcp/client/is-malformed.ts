const NAMES = new Set(['SyntaxError', 'ZodError', '$ZodError']);

/** No JSON, or JSON that is not what the protocol has there. */
export function isMalformed(error: unknown): error is Error {
  return NAMES.has((error as Partial<Error> | null)?.name ?? '');
}
