import { ExternalServiceFailed } from '../../contracts/errors.js';

/** SQLSTATE classes 08 (connection) and 57P (operator intervention), 53300 (too many connections). */
const GONE_STATES = /^(08...|57P0[1-5]|53300)$/;
const GONE_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);
const GONE_MESSAGES =
  /Connection terminated|Client has encountered a connection error|not queryable|timeout exceeded when trying to connect|Connection ended/i;

interface PostgresError {
  code?: string;
  constraint?: string;
  message?: string;
  driverError?: PostgresError;
}

function driverErrorOf(error: unknown): PostgresError {
  if (typeof error !== 'object' || error === null) return {};
  const outer = error as PostgresError;
  return outer.driverError ?? outer;
}

/** True when the database could not be reached or ended the connection; the statement may have run or not. */
export function isConnectionFailure(error: unknown): error is Error {
  const { code, message } = driverErrorOf(error);
  if (code !== undefined && (GONE_STATES.test(code) || GONE_CODES.has(code))) return true;
  return code === undefined && message !== undefined && GONE_MESSAGES.test(message);
}

/** SQLSTATE classes 22 (data), 23 (constraints) and 54 (too large, too complex). */
const DATA_STATES = /^(22|23|54)...$/;

/** The SQLSTATE where the given data is at fault, with which nothing was stored; null for any other failure. */
export function dataFault(error: unknown): string | null {
  const { code } = driverErrorOf(error);
  return code !== undefined && DATA_STATES.test(code) ? code : null;
}

export function violatesUnique(error: unknown, constraint: string): boolean {
  const { code, constraint: violated } = driverErrorOf(error);
  return code === '23505' && violated === constraint;
}

export function violatesForeignKey(error: unknown, constraint: string): boolean {
  const { code, constraint: violated } = driverErrorOf(error);
  return code === '23503' && violated === constraint;
}

/** How a statement ends that is to fail, and its transaction with it, where it finds no row: by `1 / count(*)`. */
export function isDivisionByZero(error: unknown): boolean {
  return driverErrorOf(error).code === '22012';
}

/** The database could not be reached in time; what was asked of it may have happened if it had begun. */
export class DatabaseGone extends ExternalServiceFailed {
  constructor(cause: unknown) {
    super('database', 'The database is not reachable, try again shortly', { retryable: true, retryAfter: 2, cause });
  }
}
