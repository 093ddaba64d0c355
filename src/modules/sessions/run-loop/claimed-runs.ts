import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import { WorkClaims } from '../../../platform/jobs/work-claims.js';
import type { FoundRun } from '../runs/runs.repository.js';

/**
 * Runs that were stored as claimed by this process, because it has room for them: they begin without being claimed and
 * read again. If it should have no room after all, they are handed back; if it dies, their lease runs out.
 */
@Injectable()
export class ClaimedRuns implements BeforeApplicationShutdown {
  private readonly logger = new Logger('Runs');
  private readonly waiting = new Map<string, FoundRun>();
  private readonly handingBack = new Set<Promise<void>>();

  constructor(
    private readonly jobs: JobQueue,
    private readonly claims: WorkClaims,
  ) {}

  hasRoom(): boolean {
    return this.jobs.hasRoom('run.execute');
  }

  /** Once its row is committed. False when there is no room after all: it goes to whoever has. */
  begin(found: FoundRun): boolean {
    const { tenantId, id: runId } = found.run;
    this.waiting.set(runId, found);
    const isBegun = this.jobs.ringHere('run.execute', { tenantId, runId });
    if (!isBegun) this.handBack(found);
    return isBegun;
  }

  /** What is known of a run that this process is to begin; undefined for all others. */
  take(runId: string): FoundRun | undefined {
    const found = this.waiting.get(runId);
    this.waiting.delete(runId);
    return found;
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const found of this.waiting.values()) this.handBack(found);
    while (this.handingBack.size > 0) await Promise.all(this.handingBack);
  }

  private handBack({ run }: FoundRun): void {
    this.waiting.delete(run.id);
    const handing = runAs(Actor.job(run.tenantId), () => this.claims.handBack('runs', run.id, run.fence)).catch(
      (error: unknown) => {
        this.logger.warn({ err: error, runId: run.id }, 'A run could not be handed back and waits for a take-over');
      },
    );
    this.handingBack.add(handing);
    void handing.then(() => this.handingBack.delete(handing));
  }
}
