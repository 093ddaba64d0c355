import { ExternalServiceFailed } from '../../contracts/errors.js';
import { AddressRefused } from './guarded-names.js';
import { RedirectRefused } from './redirected-request.js';

/** Broken off because of its size; the rest was never read. */
export class ResponseTooLarge extends Error {
  constructor(readonly maxBytes: number) {
    super(`It answers with more than ${maxBytes} bytes`);
    this.name = 'ResponseTooLarge';
  }
}

/** Faults of a moment or of the way there. */
const PASSING = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** What went wrong on the way to `serviceName`, with a message that may be shown. */
export function requestFailure(serviceName: string, error: unknown): ExternalServiceFailed {
  if (error instanceof ExternalServiceFailed) return error;
  const cause = rootOf(error);
  const retryable = PASSING.has(codeOf(cause));
  return new ExternalServiceFailed(serviceName, `${serviceName}: ${reason(cause)}`, { retryable, cause });
}

interface AnyError {
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** Clients wrap: the fetch says only that it failed, and of several addresses each has an error of its own. */
function rootOf(error: unknown): unknown {
  const { cause, errors } = (error ?? {}) as AnyError;
  if (errors && errors.length > 0) return rootOf(errors[0]);
  return cause === undefined || codeOf(error) !== '' ? error : rootOf(cause);
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as AnyError;
  return typeof code === 'string' ? code : '';
}

/** Only our own errors' texts are shown: the system's name addresses. */
function reason(error: unknown): string {
  const isOurs =
    error instanceof AddressRefused || error instanceof RedirectRefused || error instanceof ResponseTooLarge;
  if (isOurs) return error.message;
  // As browsers have it, ports of other protocols are not for HTTP.
  const isBadPort = error instanceof Object && 'message' in error && error.message === 'bad port';
  return `The request failed (${isBadPort ? 'bad port' : codeOf(error) || 'unknown'})`;
}
