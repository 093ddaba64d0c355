/** What the model asked of a database did not work out, in words for it. */
export class QueryFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'QueryFailed';
  }
}

interface ServerError {
  code?: unknown;
  message?: unknown;
  hint?: unknown;
  severity?: unknown;
}

/** The server's own words where it spoke; of the way to it only that it failed. */
export function queryFailure(error: unknown): QueryFailed {
  if (error instanceof QueryFailed) return error;
  const { code, message, hint, severity } = (error ?? {}) as ServerError;
  if (typeof severity === 'string' && typeof message === 'string') {
    const hinted = typeof hint === 'string' ? ` (${hint})` : '';
    return new QueryFailed(`${severity} ${String(code)}: ${message}${hinted}`, { cause: error });
  }
  const known = typeof code === 'string' ? ` (${code})` : '';
  return new QueryFailed(`The database can not be reached, or the connection was lost${known}`, { cause: error });
}
