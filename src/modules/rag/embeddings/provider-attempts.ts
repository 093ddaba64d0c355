import type { Breakers } from '../../../platform/resilience/breakers.js';
import { pause, type Retry } from '../../../platform/resilience/retry.js';
import { failureKind, ModelCallFailed } from '../../models/model-errors.js';

/** How calls of a provider that fails are tried again, and when it is left alone. */
export class ProviderAttempts {
  constructor(
    private readonly breakers: Breakers,
    private readonly retry: Retry,
  ) {}

  /**
   * @param onPause is told what a provider asks for that wants to be left alone, in milliseconds
   * @throws what the last attempt threw, or the signal's reason
   */
  async repeated<T>(signal: AbortSignal, attempt: () => Promise<T>, onPause?: (ms: number) => void): Promise<T> {
    const attempts = this.retry.start();
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        const kind = failureKind(error);
        if (kind !== 'busy' && kind !== 'fault') throw error;
        const asked = error instanceof ModelCallFailed ? error.retryAfterMs : undefined;
        if (asked !== undefined) onPause?.(asked);
        const delayMs = attempts.afterFailure(asked);
        if (delayMs === undefined) throw error;
        await pause(delayMs, signal);
      }
    }
  }

  /**
   * One attempt, unless the circuit breaker of this name is open.
   * @throws what the attempt threw, `circuit_breaker_open`
   */
  async guarded<T>(breaker: string, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    const guard = this.breakers.get(breaker).begin();
    try {
      const value = await attempt();
      guard.succeeded();
      return value;
    } catch (error) {
      // A refusal says that the provider is there; an asked-for pause concerns one key.
      if (!signal.aborted && failureKind(error) === 'fault') guard.failed();
      throw error;
    } finally {
      guard.abandoned();
    }
  }
}
