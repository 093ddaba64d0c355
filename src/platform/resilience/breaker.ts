import {
  CircuitState,
  CountBreaker,
  ExponentialBackoff,
  circuitBreaker,
  halfJitterGenerator,
  handleType,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import { DomainError } from '../../contracts/errors.js';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  /** Opens when more than half of the last `window` calls failed … */
  window: number;
  /** … and there were at least so many. */
  minimumCalls: number;
  /** How long it stays open at first; doubled, with jitter, up to `maxOpenMs` while trials keep failing. */
  openMs: number;
  maxOpenMs: number;
}

export const BREAKER_DEFAULTS: BreakerOptions = { window: 20, minimumCalls: 5, openMs: 10_000, maxOpenMs: 120_000 };

/** One call under a breaker. The first outcome told counts, later ones are ignored. */
export interface GuardedCall {
  /** The other side has begun to answer; enough to close again after a trial, however long the rest takes. */
  answering(): void;
  succeeded(): void;
  failed(): void;
  /** Says nothing of the other side: aborted, or refused for a reason of the caller's. */
  abandoned(): void;
}

/** Keeps callers from a side that keeps failing. A call is told about, not wrapped, since an answer may be a stream. */
export class Breaker {
  private policy: CircuitBreakerPolicy;

  constructor(
    readonly name: string,
    private readonly options: BreakerOptions,
  ) {
    this.policy = this.newPolicy();
  }

  get state(): BreakerState {
    if (this.policy.state === CircuitState.Closed) return 'closed';
    return this.policy.state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  /** @throws CircuitOpen while open, and while a trial is under way: others would wait for its outcome. */
  begin(): GuardedCall {
    if (this.policy.state === CircuitState.HalfOpen) throw new CircuitOpen(this.name);
    const policy = this.policy;
    let settle: ((outcome: 'success' | 'failure' | 'none') => void) | undefined;
    const counted = policy.execute(
      () =>
        new Promise<void>((resolve, reject) => {
          settle = (outcome) => {
            if (outcome === 'success') resolve();
            else reject(outcome === 'failure' ? new CallFailed() : ABANDONED);
          };
        }),
    );
    // The outcome reaches the caller by its own way; the policy only counts it.
    counted.catch(() => undefined);
    // The policy calls the function at once or, when open, not at all.
    if (!settle) throw new CircuitOpen(this.name);
    const tell = settle;
    const trial = policy.state === CircuitState.HalfOpen;
    return {
      answering: () => {
        if (trial) tell('success');
      },
      succeeded: () => tell('success'),
      failed: () => tell('failure'),
      abandoned: () => {
        // A half-open policy counts this as a success; begun anew from its state, it lets the next call be the trial.
        if (trial && policy === this.policy && this.state === 'half-open') {
          this.policy = this.newPolicy(policy.toJSON());
        }
        tell('none');
      },
    };
  }

  private newPolicy(initialState?: unknown): CircuitBreakerPolicy {
    const { window, minimumCalls, openMs, maxOpenMs } = this.options;
    return circuitBreaker(handleType(CallFailed), {
      halfOpenAfter: new ExponentialBackoff({
        generator: halfJitterGenerator,
        initialDelay: openMs,
        maxDelay: maxOpenMs,
      }),
      breaker: new CountBreaker({ threshold: 0.5, size: window, minimumNumberOfCalls: minimumCalls }),
      initialState,
    });
  }
}

class CallFailed extends Error {}
class CallAbandoned extends Error {}

/** One for all: nobody looks at where it comes from. */
const ABANDONED = new CallAbandoned();

export class CircuitOpen extends DomainError {
  constructor(name: string) {
    super('circuit_breaker_open', 503, `${name} keeps failing and is left alone for a while`, {
      details: { serviceName: name },
    });
  }
}
