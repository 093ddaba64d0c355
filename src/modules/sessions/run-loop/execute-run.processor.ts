import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DomainError } from '../../../contracts/errors.js';
import type { JobPayload } from '../../../contracts/jobs.js';
import type { LiveSignals } from '../../../contracts/live-events.js';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { dataFault, DatabaseGone } from '../../../platform/database/database-errors.js';
import { Db } from '../../../platform/database/db.js';
import type { JobContext, JobProcessor } from '../../../platform/jobs/job-processor.js';
import { LeaseKeeper } from '../../../platform/jobs/lease-keeper.js';
import { WorkClaims, type Claim } from '../../../platform/jobs/work-claims.js';
import { Live } from '../../../platform/live/live.js';
import type { RunError } from '../runs/run.js';
import { RunsRepository, type FoundRun } from '../runs/runs.repository.js';
import { ClaimedRuns } from './claimed-runs.js';
import { RunEnding } from './run-ending.js';
import { RunHooks } from './run-hooks.js';
import { Interruption, RunHold } from './run-hold.js';
import { limitError, LimitReached } from './run-limits.js';
import { RunEventWriter } from './run-event.writer.js';
import { RunLoader } from './run-loader.js';
import { RunLoop } from './run-loop.js';
import { RunMetrics } from './run-metrics.js';
import type { RunState } from './run-state.js';

/** When the process stops, of the time it has to hand its work back. */
const CALLS_END_MS = 10_000;

/** Answers the doorbell of a run: claims it, drives it to its end, or leaves it for another. */
@Injectable()
export class ExecuteRunProcessor implements JobProcessor<'run.execute'>, OnModuleInit {
  readonly job = 'run.execute';
  private readonly logger = new Logger('Runs');
  private readonly holds = new Map<string, RunHold>();

  constructor(
    private readonly claims: WorkClaims,
    private readonly claimed: ClaimedRuns,
    private readonly leases: LeaseKeeper,
    private readonly runs: RunsRepository,
    private readonly loader: RunLoader,
    private readonly loop: RunLoop,
    private readonly ending: RunEnding,
    private readonly hooks: RunHooks,
    private readonly live: Live,
    private readonly metrics: RunMetrics,
    private readonly writer: RunEventWriter,
    private readonly db: Db,
  ) {}

  onModuleInit(): void {
    this.live.onSignal('run.cancel', ({ runId }) => this.holds.get(runId)?.interrupt('cancelled'));
    this.live.onSignal('run.pause', ({ runId }) => this.pause(runId));
    this.live.onSignal('access.revoked', (revoked) => this.onRevoked(revoked));
  }

  async process({ tenantId, runId }: JobPayload<'run.execute'>, { signal }: JobContext): Promise<void> {
    const claimed = await runAs(Actor.job(tenantId), () => this.claim(runId));
    if (!claimed) return;
    const { claim, found } = claimed;
    const { run } = found;
    const hold = new RunHold(run, claim.fence);
    const release = this.leases.hold(
      'runs',
      { tenantId, id: runId, fence: claim.fence, claimedAt: found.claimedAt },
      {
        onLost: () => hold.lose(),
        onCancel: () => hold.interrupt('cancelled'),
        onPause: () => (hold.isPausing = true),
        onSuspended: () => hold.interrupt('suspended'),
      },
    );
    const stop = (): void => hold.stop(CALLS_END_MS);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    this.holds.set(runId, hold);
    const letGo = this.metrics.hold(claim.takenOver);
    try {
      await runAs(Actor.job(tenantId, run.createdBy), () => this.hold(hold, claim, found));
    } finally {
      if (this.holds.get(runId) === hold) this.holds.delete(runId);
      signal.removeEventListener('abort', stop);
      release();
      hold.release();
      this.writer.drop(hold);
      letGo();
    }
  }

  private pause(runId: string): void {
    const hold = this.holds.get(runId);
    if (hold) hold.isPausing = true;
  }

  /** The whole tenant's access: it was suspended or deleted. Its runs wait, as a renewal of their leases would find too. */
  private onRevoked({ tenantId, userId, credentialId }: LiveSignals['access.revoked']): void {
    if (userId !== undefined || credentialId !== undefined) return;
    for (const hold of this.holds.values()) if (hold.run.tenantId === tenantId) hold.interrupt('suspended');
  }

  /** In one round trip, or in none. */
  private async claim(runId: string): Promise<{ claim: Claim; found: FoundRun } | null> {
    const claimed = this.claimed.take(runId);
    if (claimed) {
      const { fence, attempts } = claimed.run;
      return { claim: { fence, attempts, takenOver: false, lost: false }, found: claimed };
    }
    const claimedAt = performance.now();
    const [claim, found] = await this.db.run(() => {
      const answers = Promise.all([this.claims.claim('runs', runId), this.runs.findWhole(runId)]);
      this.db.commitNow();
      return answers;
    });
    return claim && found && { claim, found: { ...found, claimedAt } };
  }

  private async hold(hold: RunHold, claim: Claim, found: FoundRun): Promise<void> {
    let state: RunState | null = null;
    try {
      state = await this.loader.takeUp(hold, found, claim.lost);
      if (hold.run.cancelRequestedAt) hold.interrupt('cancelled');
      if (claim.lost) await this.ending.fail(hold, state, workerLost());
      else {
        await this.hooks.started(hold, state);
        await this.loop.drive(hold, state);
      }
    } catch (error) {
      await this.leave(hold, state, error).catch((failure: unknown) => {
        // The lease runs out, and whoever takes the run over goes on from its last stored step.
        this.logger.warn({ err: failure, runId: hold.run.id }, 'A run could not be settled and waits for a take-over');
      });
    }
  }

  private async leave(hold: RunHold, state: RunState | null, error: unknown): Promise<void> {
    try {
      if (!hold.isUnstorable) {
        await this.settle(hold, state, error);
        return;
      }
    } catch (failure) {
      if (!isUnstorable(hold, failure)) throw failure;
    }
    await this.failAsStored(hold);
  }

  /** From what is stored of it: whoever took it over would come to the same words again, and no further. */
  private async failAsStored(hold: RunHold): Promise<void> {
    await this.runs.keepSpent(hold.run, hold.fence, hold.activeMs);
    const found = await this.runs.findWhole(hold.run.id);
    if (!found) return;
    const fresh = new RunHold(found.run, hold.fence);
    try {
      await this.ending.fail(fresh, await this.loader.takeUp(fresh, found, true), internalError());
    } finally {
      fresh.release();
      this.writer.drop(fresh);
    }
  }

  private async settle(hold: RunHold, state: RunState | null, error: unknown): Promise<void> {
    const reason = hold.interruption ?? error;
    const kind = reason instanceof Interruption ? reason.kind : null;
    if (
      hold.isLost ||
      kind === 'lost' ||
      kind === 'shutdown' ||
      kind === 'suspended' ||
      error instanceof DatabaseGone
    ) {
      return this.handBack(hold);
    }
    if (!state) throw reason;
    if (kind === 'cancelled') return this.ending.cancel(hold, state);
    return this.ending.fail(hold, state, this.runError(hold, reason));
  }

  /** After a write of unknown outcome the claim may still be ours; the fence decides. */
  private async handBack(hold: RunHold): Promise<void> {
    await this.runs.keepSpent(hold.run, hold.fence, hold.activeMs);
    await this.claims.handBack('runs', hold.run.id, hold.fence);
  }

  private runError(hold: RunHold, reason: unknown): RunError {
    if (reason instanceof Interruption) {
      return limitError(
        'max_execution_time_exceeded',
        `The run reached its limit of ${hold.run.pinned.limits.maxExecutionTimeMs ?? 0} ms`,
      );
    }
    if (reason instanceof LimitReached) return reason.runError;
    if (reason instanceof DomainError) {
      const code = reason.details['reason'];
      return { code: typeof code === 'string' ? code : reason.code, message: reason.message };
    }
    this.logger.error({ err: reason, runId: hold.run.id }, 'A run failed unexpectedly');
    return internalError();
  }
}

function isUnstorable(hold: RunHold, failure: unknown): boolean {
  return hold.isUnstorable || dataFault(failure) !== null;
}

function internalError(): RunError {
  return { code: 'internal_error', message: 'Something went wrong inside Atrium' };
}

function workerLost(): RunError {
  return { code: 'worker_lost', message: 'Five workers in a row were lost while they worked on this run' };
}
