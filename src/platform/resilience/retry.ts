import { setTimeout as sleep } from 'node:timers/promises';
import { ExponentialBackoff, halfJitterGenerator } from 'cockatiel';

export interface RetryOptions {
  /** The first try counts. */
  maxAttempts: number;
  /** Wait before the second attempt, doubled for each further one up to `maxDelayMs`, times a random 0.5–1. */
  initialDelayMs: number;
  maxDelayMs: number;
  /** A side that asks for a longer wait than this is given up at once. */
  maxRetryAfterMs: number;
}

export const RETRY_DEFAULTS: RetryOptions = {
  maxAttempts: 3,
  initialDelayMs: 500,
  maxDelayMs: 10_000,
  maxRetryAfterMs: 60_000,
};

/** How often and after what waits a failing call is tried again. */
export class Retry {
  constructor(private readonly options: RetryOptions) {}

  /** The attempts of one call. */
  start(): RetryAttempts {
    return new RetryAttempts(this.options);
  }
}

export class RetryAttempts {
  private failures = 0;
  private backoff;

  constructor(private readonly options: RetryOptions) {
    this.backoff = new ExponentialBackoff({
      generator: halfJitterGenerator,
      initialDelay: options.initialDelayMs,
      maxDelay: options.maxDelayMs,
    }).next();
  }

  /**
   * Milliseconds to wait before the next attempt, or undefined when there is to be none.
   * @param retryAfterMs what the failing side asked for; never undercut.
   */
  afterFailure(retryAfterMs = 0): number | undefined {
    this.failures += 1;
    if (this.failures >= this.options.maxAttempts || retryAfterMs > this.options.maxRetryAfterMs) return undefined;
    const delayMs = Math.max(this.backoff.duration, retryAfterMs);
    this.backoff = this.backoff.next(undefined);
    return delayMs;
  }
}

/** Waits, or throws the signal's reason as soon as it is aborted. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
