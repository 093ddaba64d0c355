/** The codes of API errors; a client may branch on them, so they are never renamed. */
export type ErrorCode =
  | 'bad_request'
  | 'authentication_error'
  | 'authorization_error'
  | 'not_found'
  | 'gone'
  | 'conflict'
  | 'run_in_progress'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'validation_error'
  | 'idempotency_conflict'
  | 'rate_limit_error'
  | 'quota_exceeded'
  | 'external_service_error'
  | 'circuit_breaker_open'
  | 'timeout_error'
  | 'internal_error';

export interface FieldError {
  /** Dotted path into the body or query, for example `resourceLimits.maxTurns`. */
  field: string;
  message: string;
  value?: unknown;
}

interface ErrorOptionsOf {
  details?: Record<string, unknown>;
  /** Seconds after which trying again may help. */
  retryAfter?: number;
  cause?: unknown;
}

/** An error whose message is safe to show to a client. Everything else becomes `internal_error`. */
export class DomainError extends Error {
  readonly details: Record<string, unknown>;
  readonly retryAfter: number | undefined;

  constructor(
    readonly code: ErrorCode,
    readonly status: number,
    safeMessage: string,
    options: ErrorOptionsOf = {},
  ) {
    super(safeMessage, { cause: options.cause });
    this.name = new.target.name;
    this.details = options.details ?? {};
    this.retryAfter = options.retryAfter;
  }
}

export class BadRequest extends DomainError {
  constructor(message: string, options?: ErrorOptionsOf) {
    super('bad_request', 400, message, options);
  }
}

export class Unauthenticated extends DomainError {
  constructor(message = 'Authentication is required', options?: ErrorOptionsOf) {
    super('authentication_error', 401, message, options);
  }
}

export class AccessDenied extends DomainError {
  constructor(message: string, options?: ErrorOptionsOf) {
    super('authorization_error', 403, message, options);
  }
}

/** Also for what belongs to another tenant: from outside, both look the same. */
export class NotFound extends DomainError {
  constructor(what = 'Resource') {
    super('not_found', 404, `${what} not found`);
  }
}

export class Conflict extends DomainError {
  constructor(message: string, options?: ErrorOptionsOf & { code?: 'conflict' | 'run_in_progress' }) {
    super(options?.code ?? 'conflict', 409, message, options);
  }
}

export class ValidationFailed extends DomainError {
  constructor(readonly errors: FieldError[]) {
    super('validation_error', 422, errors.map((e) => e.message).join('; ') || 'Validation failed');
  }

  static of(field: string, message: string, value?: unknown): ValidationFailed {
    return new ValidationFailed([{ field, message, value }]);
  }
}

export class TooManyRequests extends DomainError {
  constructor(retryAfter: number) {
    super('rate_limit_error', 429, 'Too many requests, try again later', { retryAfter });
  }
}

/** Something outside Atrium failed; 503 where trying again may help, 502 where it will not. */
export class ExternalServiceFailed extends DomainError {
  constructor(
    serviceName: string,
    message: string,
    options: { retryable: boolean; retryAfter?: number; cause?: unknown },
  ) {
    super('external_service_error', options.retryable ? 503 : 502, message, {
      details: { serviceName },
      retryAfter: options.retryAfter,
      cause: options.cause,
    });
  }
}

export class TimedOut extends DomainError {
  constructor(message: string, options?: ErrorOptionsOf) {
    super('timeout_error', 504, message, options);
  }
}
