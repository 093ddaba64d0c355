import { DomainError, ExternalServiceFailed, TimedOut } from '../../contracts/errors.js';

/**
 * Whose fault a failed model call is:
 * `request` ours, no other try or model will help; `too_long` ours, and less of the conversation may do; `access` this
 * provider will not serve us this model, another may; `busy` it asks us to come back later; `fault` it is broken.
 */
export type FailureKind = 'request' | 'too_long' | 'access' | 'busy' | 'fault';

/** A provider refused or failed a model call. */
export class ModelCallFailed extends ExternalServiceFailed {
  readonly kind: FailureKind;
  /** More exact than `retryAfter`, which is in whole seconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    provider: string,
    kind: FailureKind,
    message: string,
    options: { retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(provider, message, {
      retryable: kind === 'busy' || kind === 'fault',
      retryAfter: options.retryAfterMs === undefined ? undefined : Math.ceil(options.retryAfterMs / 1000),
      cause: options.cause,
    });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The model is known, but there is no key for its provider. */
export class ProviderNotConfigured extends DomainError {
  constructor(provider: string) {
    super('external_service_error', 502, `No key is set for the model provider ${provider}`, {
      details: { serviceName: provider, reason: 'provider_not_configured' },
    });
  }
}

/** A model that was known when it was chosen and is no longer in the catalog. */
export class UnknownModel extends DomainError {
  constructor(name: string, known: string[]) {
    super('validation_error', 422, `The model ${name} is not known; known are ${known.join(', ')}`);
  }
}

/** The kind of any error a client throws; undefined for what is no failed call, such as a defect of ours. */
export function failureKind(error: unknown): FailureKind | undefined {
  if (error instanceof ModelCallFailed) return error.kind;
  return error instanceof TimedOut ? 'fault' : undefined;
}
