import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { JobPayload } from '../../../contracts/jobs.js';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { DatabaseGone } from '../../../platform/database/database-errors.js';
import { Db } from '../../../platform/database/db.js';
import type { JobContext, JobProcessor } from '../../../platform/jobs/job-processor.js';
import { LeaseKeeper } from '../../../platform/jobs/lease-keeper.js';
import { WorkClaims, type Claim } from '../../../platform/jobs/work-claims.js';
import { Live } from '../../../platform/live/live.js';
import { DocumentEmbedding } from './document-embedding.js';
import { DocumentReading } from './document-reading.js';
import { IngestionEnding } from './ingestion-ending.js';
import { IngestionHold, IngestionStopped } from './ingestion-hold.js';
import { IngestionsRepository } from './ingestions.repository.js';

/** Answers the doorbell of an ingestion: claims it, takes it from stage to stage, or leaves it for another. */
@Injectable()
export class IngestDocumentProcessor implements JobProcessor<'document.ingest'>, OnModuleInit {
  readonly job = 'document.ingest';
  private readonly logger = new Logger('Ingestion');
  private readonly holds = new Map<IngestionHold, string>();

  constructor(
    private readonly claims: WorkClaims,
    private readonly leases: LeaseKeeper,
    private readonly ingestions: IngestionsRepository,
    private readonly reading: DocumentReading,
    private readonly embedding: DocumentEmbedding,
    private readonly ending: IngestionEnding,
    private readonly live: Live,
    private readonly db: Db,
  ) {}

  onModuleInit(): void {
    // The whole tenant's access: it was suspended or deleted. Its work waits.
    this.live.onSignal('access.revoked', ({ tenantId, userId, credentialId }) => {
      if (userId !== undefined || credentialId !== undefined) return;
      for (const [hold, of] of this.holds) if (of === tenantId) hold.stop('suspended');
    });
  }

  async process(payload: JobPayload<'document.ingest'>, { signal }: JobContext): Promise<void> {
    await runAs(Actor.job(payload.tenantId), () => this.claimAndHold(payload, signal));
  }

  private async claimAndHold(
    { tenantId, ingestionId: id }: JobPayload<'document.ingest'>,
    signal: AbortSignal,
  ): Promise<void> {
    const claimedAt = performance.now();
    const [claim, ingestion] = await this.db.run(() =>
      Promise.all([this.claims.claim('rag_ingestions', id), this.ingestions.find(id)]),
    );
    if (!claim || !ingestion) return;
    const hold = new IngestionHold(ingestion, claim.fence);
    const release = this.leases.hold(
      'rag_ingestions',
      { tenantId, id, fence: claim.fence, claimedAt },
      {
        onLost: () => hold.stop('lost'),
        onCancel: () => undefined,
        onPause: () => undefined,
        onSuspended: () => hold.stop('suspended'),
      },
    );
    const stop = (): void => hold.stop('shutdown');
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    this.holds.set(hold, tenantId);
    try {
      await this.drive(hold, claim);
    } finally {
      this.holds.delete(hold);
      signal.removeEventListener('abort', stop);
      release();
    }
  }

  private async drive(hold: IngestionHold, claim: Claim): Promise<void> {
    try {
      if (claim.lost) await this.ending.giveUpLost(hold);
      else await this.takeIn(hold);
    } catch (error) {
      await this.leave(hold, error).catch((failure: unknown) => {
        // The lease runs out, and whoever takes it over goes on from what is stored.
        this.logger.warn({ err: failure }, 'An ingestion could not be settled and waits for a take-over');
      });
    }
  }

  private async takeIn(hold: IngestionHold): Promise<void> {
    if (hold.ingestion.stage === 'parse' && (await this.reading.read(hold))) return;
    do {
      hold.signal.throwIfAborted();
      await this.embedding.embed(hold);
    } while (!(await this.ending.complete(hold)));
  }

  private async leave(hold: IngestionHold, error: unknown): Promise<void> {
    const reason: unknown = hold.signal.aborted ? hold.signal.reason : error;
    if (reason instanceof IngestionStopped || reason instanceof DatabaseGone) {
      if (reason instanceof IngestionStopped && reason.kind === 'lost') return;
      await this.claims.handBack('rag_ingestions', hold.ingestion.id, hold.fence);
    } else await this.ending.settle(hold, reason);
  }
}
