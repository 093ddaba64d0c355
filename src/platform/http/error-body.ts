import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { DomainError, ValidationFailed, type ErrorCode, type FieldError } from '../../contracts/errors.js';

/** What every refused request is answered with, here and on sockets. */
export interface ErrorBody {
  error: true;
  code: ErrorCode;
  message: string;
  details: Record<string, unknown>;
  validationErrors?: FieldError[];
  /** Seconds. */
  retryAfter?: number;
  correlationId: string;
  timestamp: string;
  path: string;
}

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  401: 'authentication_error',
  403: 'authorization_error',
  404: 'not_found',
  409: 'conflict',
  410: 'gone',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  422: 'validation_error',
  429: 'rate_limit_error',
};

/** Whatever was thrown as an error that may be shown; what is not known to be safe becomes `internal_error`. */
export function asDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof HttpException) return fromHttpException(error);
  const status = exposedStatus(error);
  if (status !== null) return refusal(status, STATUS_CODES[status] ?? 'Bad request', error);
  return new DomainError('internal_error', 500, 'Something went wrong on our side', { cause: error });
}

export function errorBody(error: DomainError, at: { correlationId: string; path: string }): ErrorBody {
  const { code, message, details, retryAfter } = error;
  return {
    error: true,
    code,
    message,
    details: retryAfter === undefined ? details : { ...details, retryAfter },
    ...(error instanceof ValidationFailed && { validationErrors: error.errors }),
    ...(retryAfter !== undefined && { retryAfter }),
    correlationId: at.correlationId,
    timestamp: new Date().toISOString(),
    path: at.path,
  };
}

function fromHttpException(error: HttpException): DomainError {
  const status = error.getStatus();
  if (status >= 500)
    return new DomainError('internal_error', 500, 'Something went wrong on our side', { cause: error });
  // A path that can't be decoded names nothing; and the framework's own messages repeat the URL, query included.
  if (status === 404 || error.cause instanceof URIError) return refusal(404, 'Route not found', error);
  return refusal(status, error.message, error);
}

function refusal(status: number, message: string, cause: unknown): DomainError {
  return new DomainError(CODE_OF_STATUS[status] ?? 'bad_request', status, message, { cause });
}

/** The status of errors in the manner of `http-errors`, as the libraries of Express throw them. */
function exposedStatus(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  const { status, expose } = error as Error & { status?: unknown; expose?: unknown };
  return expose === true && typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}
