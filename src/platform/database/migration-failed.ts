/** Its message is one line that tells the operator what is wrong and what to do; it holds no secrets and no data. */
export class MigrationFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MigrationFailed';
  }
}

/** Without the cause: a driver's error may carry rows, and a URL's error the connection string. */
export function failureOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = sqlState(error);
  // Node reports a refused connection to several addresses without a message.
  return [error.message, code && `(${code})`].filter(Boolean).join(' ');
}

/** The SQLSTATE of a Postgres error, or the code of a system error. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

export const SqlState = {
  uniqueViolation: '23505',
  insufficientPrivilege: '42501',
  duplicateObject: '42710',
  undefinedObject: '42704',
  /** What concurrent changes of one catalog row raise. */
  internalError: 'XX000',
} as const;
