import { APIConnectionError, APIConnectionTimeoutError, APIError } from '@anthropic-ai/sdk';
import { DomainError, TimedOut } from '../../contracts/errors.js';
import { codeOf, retryAfterMs, withoutSecrets } from '../../platform/egress/provider-words.js';
import { ModelCallFailed, type FailureKind } from './model-errors.js';

const PROVIDER = 'anthropic';
const MAX_DETAIL_LENGTH = 500;

/** Error types of the Messages API as they also arrive in the middle of a stream, where there is no status. */
const KIND_OF_TYPE: Record<string, FailureKind> = {
  invalid_request_error: 'request',
  request_too_large: 'request',
  authentication_error: 'access',
  billing_error: 'access',
  permission_error: 'access',
  not_found_error: 'access',
  rate_limit_error: 'busy',
};

/** A prompt beyond the model's window, alone or with the answer that was asked for; it has no type of its own. */
const TOO_LONG = /\bprompt is too long\b|\bexceeds? context limit\b/i;

/** What went wrong, in words that hold no secret, for anything the SDK or the connection throws. */
export function toModelError(error: unknown, apiKey: string): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof APIConnectionTimeoutError) return new TimedOut('Anthropic did not answer in time');
  if (error instanceof APIConnectionError) {
    return new ModelCallFailed(PROVIDER, 'fault', `Anthropic could not be reached${codeOf(error)}`);
  }
  if (error instanceof APIError) return fromApiError(error as APIError, apiKey);
  return new ModelCallFailed(PROVIDER, 'fault', `The stream from Anthropic broke off${codeOf(error)}`);
}

/** The data of an `error` event in a stream. */
export function fromErrorEvent(data: string, apiKey: string): ModelCallFailed {
  let error: { type?: unknown; message?: unknown } | undefined;
  try {
    error = (JSON.parse(data) as { error?: { type?: unknown; message?: unknown } }).error;
  } catch {
    // Told as it is below: an error without a type is the provider's fault.
  }
  const type = typeof error?.type === 'string' ? error.type : '';
  const kind = told(KIND_OF_TYPE[type] ?? 'fault', error?.message);
  const keyRefused = type === 'authentication_error' || type === 'permission_error';
  return new ModelCallFailed(
    PROVIDER,
    kind,
    keyRefused ? KEY_REFUSED : messageFor(kind, error?.message, 'no reason given', apiKey),
  );
}

export function malformedEvent(problem: string): ModelCallFailed {
  return new ModelCallFailed(PROVIDER, 'fault', `Anthropic sent a malformed event: ${problem}`);
}

function fromApiError(error: APIError, apiKey: string): ModelCallFailed {
  const kind = told(kindOfStatus(error.status), error.apiMessage);
  const request = error.requestID ? ` (request ${error.requestID})` : '';
  const keyRefused = error.status === 401 || error.status === 403;
  const message = keyRefused
    ? KEY_REFUSED
    : messageFor(kind, error.apiMessage, `status ${String(error.status)}`, apiKey);
  return new ModelCallFailed(PROVIDER, kind, message + request, { retryAfterMs: retryAfterMs(error.headers) });
}

function kindOfStatus(status: number | undefined): FailureKind {
  if (status === 401 || status === 402 || status === 403 || status === 404) return 'access';
  if (status === 408 || status === 409 || status === 429) return 'busy';
  return status !== undefined && status < 500 ? 'request' : 'fault';
}

function told(kind: FailureKind, message: unknown): FailureKind {
  return kind === 'request' && typeof message === 'string' && TOO_LONG.test(message) ? 'too_long' : kind;
}

/** All that is said of a refused key: the provider's own words may quote it. */
const KEY_REFUSED = 'Anthropic: the provider refused the key';

function messageFor(kind: FailureKind, detail: unknown, otherwise: string, apiKey: string): string {
  const words =
    typeof detail === 'string' && detail !== '' ? withoutSecrets(detail, apiKey, MAX_DETAIL_LENGTH) : otherwise;
  if (kind === 'busy') return `Anthropic asks to try again later: ${words}`;
  return kind === 'fault' ? `Anthropic failed: ${words}` : `Anthropic refused the request: ${words}`;
}
