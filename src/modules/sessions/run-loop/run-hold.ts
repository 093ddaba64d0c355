import type { StoredBlock } from '../messages/message.js';
import type { WholeRun } from '../runs/run.js';

/** Why a run's holder stops in the middle. */
export class Interruption extends Error {
  constructor(readonly kind: 'cancelled' | 'lost' | 'shutdown' | 'suspended' | 'timeLimit') {
    super(`The run was interrupted: ${kind}`);
  }
}

/**
 * A run as the worker holds it. The holder is the only one to write the run's progress, so what it knows here is what
 * the row says; every write is bound to `fence`.
 */
export class RunHold {
  private readonly controller = new AbortController();
  private readonly since = performance.now();
  private elsewhereMs = 0;
  /** Ids of calls under way whose outcome nobody would know if they were broken off. */
  private readonly unrepeatable = new Set<string>();
  private stopping: NodeJS.Timeout | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lastWrite: Promise<unknown> = Promise.resolve();

  /** Blocks of the model call under way that were shown already; lost with a restart of the call. */
  partial: StoredBlock[] = [];

  /** It is to wait when its step is done. */
  isPausing: boolean;

  /** Someone else may hold the run now, or what was shown may not be stored: nothing may be written any more. */
  isLost = false;

  /** What it had to say was refused by the database, and would be again: the run can only end. */
  isUnstorable = false;

  constructor(
    readonly run: WholeRun,
    readonly fence: number,
  ) {
    this.isPausing = run.pauseRequestedAt !== null;
    this.limitTime();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Time of this and earlier holds. */
  get activeMs(): number {
    return Math.round(this.run.activeMs + performance.now() - this.since);
  }

  /** What counts against the run's limit. */
  get spentMs(): number {
    return this.activeMs + this.elsewhereMs;
  }

  /** Others were at work for the run, for so long in all. */
  countElsewhere(ms: number): void {
    if (ms === this.elsewhereMs) return;
    this.elsewhereMs = ms;
    this.limitTime();
  }

  /** The first interruption counts. */
  interrupt(kind: Exclude<Interruption['kind'], 'lost'>): void {
    if (!this.controller.signal.aborted) this.controller.abort(new Interruption(kind));
  }

  /** This process ends: the run goes on elsewhere, after the calls that can not be repeated, or after `graceMs`. */
  stop(graceMs: number): void {
    if (this.unrepeatable.size === 0) {
      this.interrupt('shutdown');
      return;
    }
    this.stopping ??= setTimeout(() => this.interrupt('shutdown'), graceMs);
  }

  beginUnrepeatable(callId: string): void {
    this.unrepeatable.add(callId);
  }

  /** When what came of it is stored. */
  endUnrepeatable(callId: string): void {
    if (this.unrepeatable.delete(callId) && this.stopping) this.stop(0);
  }

  /** Also in the middle of another interruption. */
  lose(): void {
    this.isLost = true;
    if (!this.controller.signal.aborted) this.controller.abort(new Interruption('lost'));
  }

  /** Lost, and nobody who takes the run over should come as far again. */
  spoil(): void {
    this.isUnstorable = true;
    this.lose();
  }

  /** One write after the other: side by side they would wait for each other in the database, each on a connection. */
  inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.lastWrite.then(write);
    this.lastWrite = turn.catch(() => undefined);
    return turn;
  }

  get interruption(): Interruption | null {
    return this.controller.signal.aborted ? (this.controller.signal.reason as Interruption) : null;
  }

  release(): void {
    clearTimeout(this.timer);
    clearTimeout(this.stopping);
  }

  private limitTime(): void {
    clearTimeout(this.timer);
    const { maxExecutionTimeMs } = this.run.pinned.limits;
    if (maxExecutionTimeMs === null) return;
    const left = Math.max(maxExecutionTimeMs - this.spentMs, 0);
    this.timer = setTimeout(() => this.interrupt('timeLimit'), left);
  }
}
