import { AsyncLocalStorage } from 'node:async_hooks';
import { v7 } from 'uuid';
import type { JobName, JobPayload } from '../../contracts/jobs.js';
import { scopeIfAny } from '../access/scope.js';
import { transactions } from '../database/transaction.js';

export interface RingOptions {
  /** Work of the same kind that the tenant has waiting: the more, the later it is this ring's turn. */
  backlog?: number;
  delayMs?: number;
}

export interface Ring {
  readonly job: JobName;
  readonly payload: JobPayload<JobName>;
  /** That of whoever rang, so that the job's log lines and events can be found with theirs. */
  readonly correlationId: string;
  readonly backlog: number;
  readonly delayMs: number;
}

/** The doorbell of queued work. The row is the truth: a ring that gets lost is made up for by the sweeper. */
export abstract class JobQueue {
  /** Jobs see nothing of the request that rang for them, not its transaction nor its actor. */
  private readonly detached = AsyncLocalStorage.snapshot();

  /**
   * Neither throws nor waits. Inside a transaction it rings once that has committed, and not at all if it never does.
   */
  ring<N extends JobName>(job: N, payload: JobPayload<N>, { backlog = 0, delayMs = 0 }: RingOptions = {}): void {
    const ring: Ring = { job, payload, correlationId: scopeIfAny()?.correlationId ?? v7(), backlog, delayMs };
    const deliver = () => this.detached(() => this.deliver(ring));
    const transaction = transactions.getStore();
    if (transaction && !transaction.ended) transaction.afterCommit.push(deliver);
    else deliver();
  }

  /** Whether this process would begin such a job at once. Nothing keeps the place until it is rung for. */
  hasRoom(_job: JobName): boolean {
    return false;
  }

  /** Rings for a job in this process alone; not inside a transaction. False when there is no room for it after all. */
  ringHere<N extends JobName>(job: N, payload: JobPayload<N>): boolean {
    const correlationId = scopeIfAny()?.correlationId ?? v7();
    return this.detached(() => this.take({ job, payload, correlationId, backlog: 0, delayMs: 0 }));
  }

  /** Delivers the ring in this process if it can be seen to at once, else answers false. */
  take(_ring: Ring): boolean {
    return false;
  }

  protected abstract deliver(ring: Ring): void;
}
