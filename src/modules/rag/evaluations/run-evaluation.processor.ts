import { Injectable, Logger } from '@nestjs/common';
import { DomainError, ValidationFailed } from '../../../contracts/errors.js';
import type { JobPayload } from '../../../contracts/jobs.js';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { DatabaseGone } from '../../../platform/database/database-errors.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import type { JobContext, JobProcessor } from '../../../platform/jobs/job-processor.js';
import { LeaseKeeper } from '../../../platform/jobs/lease-keeper.js';
import { WorkClaims } from '../../../platform/jobs/work-claims.js';
import { SearchService } from '../search/search.service.js';
import type { Evaluation, EvaluationCase } from './evaluation.js';
import { EvaluationsRepository } from './evaluations.repository.js';
import { added, metricsOf, NO_METRICS } from './ranking-metrics.js';

/** Cases between two that are stored: what a crash may cost. */
const CASES_A_STEP = 10;

const LOST = { code: 'worker_lost', message: 'Five workers in a row were lost while they worked on this' };
const GONE = {
  code: 'collection_unavailable',
  message: 'A collection was deleted meanwhile, or may not be read any more by who asked for this',
};

type Held = Evaluation & { cases: EvaluationCase[] };

/** Another holds it, or this process ends. */
class EvaluationStopped extends Error {}

/** Asks all cases of an evaluation, one after the other, and keeps the sums of what came of them. */
@Injectable()
export class RunEvaluationProcessor implements JobProcessor<'evaluation.run'> {
  readonly job = 'evaluation.run';
  private readonly logger = new Logger('Evaluations');

  constructor(
    private readonly claims: WorkClaims,
    private readonly leases: LeaseKeeper,
    private readonly evaluations: EvaluationsRepository,
    private readonly search: SearchService,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  async process(payload: JobPayload<'evaluation.run'>, { signal }: JobContext): Promise<void> {
    await runAs(Actor.job(payload.tenantId), () => this.claimAndHold(payload, signal));
  }

  private async claimAndHold(
    { tenantId, evaluationId: id }: JobPayload<'evaluation.run'>,
    signal: AbortSignal,
  ): Promise<void> {
    const claimedAt = performance.now();
    const [claim, evaluation] = await this.db.run(() =>
      Promise.all([this.claims.claim('rag_evaluations', id), this.evaluations.find(id)]),
    );
    if (!claim || !evaluation) return;
    const { fence, lost } = claim;
    const stopped = new AbortController();
    const stop = (): void => stopped.abort(new EvaluationStopped());
    const release = this.leases.hold(
      'rag_evaluations',
      { tenantId, id, fence, claimedAt },
      { onLost: stop, onCancel: stop, onPause: () => undefined, onSuspended: stop },
    );
    const ends = AbortSignal.any([stopped.signal, signal]);
    try {
      // As whoever asked for it, who may have lost a collection meanwhile.
      await runAs(Actor.job(tenantId, evaluation.createdBy), () => this.drive(evaluation, fence, lost, ends));
    } finally {
      release();
    }
  }

  private async drive(evaluation: Held, fence: number, lost: boolean, signal: AbortSignal): Promise<void> {
    const { id } = evaluation;
    try {
      if (lost) {
        await this.end(id, fence, { status: 'failed', error: LOST });
        return;
      }
      await this.judge(evaluation, fence, signal);
      await this.end(id, fence, { status: 'completed', error: null });
    } catch (error) {
      if (signal.aborted || error instanceof EvaluationStopped || error instanceof DatabaseGone)
        await this.claims.handBack('rag_evaluations', id, fence);
      else await this.end(id, fence, { status: 'failed', error: this.faultOf(error) });
    }
  }

  private async judge({ id, cases, collectionIds, modes, ...kept }: Held, fence: number, signal: AbortSignal) {
    let { done, sums } = kept;
    while (done < cases.length) {
      const step = cases.slice(done, done + CASES_A_STEP);
      for (const { query, relevant } of step) {
        for (const mode of modes) {
          signal.throwIfAborted();
          const ranking = await this.search.rankDocuments({ collectionIds, query, mode }, 100);
          sums = { ...sums, [mode]: added(sums[mode] ?? NO_METRICS, metricsOf(ranking, new Set(relevant))) };
        }
      }
      done += step.length;
      if (!(await this.evaluations.keepSums(id, fence, { done, sums }))) throw new EvaluationStopped();
    }
  }

  private async end(id: string, fence: number, ended: Pick<Evaluation, 'status' | 'error'>): Promise<void> {
    await this.db.run(async () => {
      if (!(await this.evaluations.end(id, fence, ended))) return;
      const of = { resourceType: 'evaluation', resourceId: id };
      if (ended.error) await this.events.publish('evaluation.failed', { ...of, payload: { code: ended.error.code } });
      else await this.events.publish('evaluation.completed', { ...of, payload: {} });
    });
  }

  private faultOf(error: unknown): NonNullable<Evaluation['error']> {
    if (error instanceof ValidationFailed) return GONE;
    if (error instanceof DomainError) return { code: error.code, message: error.message };
    this.logger.error({ err: error }, 'An evaluation failed unexpectedly');
    return { code: 'internal_error', message: 'Something went wrong inside Atrium' };
  }
}
