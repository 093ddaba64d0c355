import type { Type } from '@nestjs/common';
import type { JobName, JobPayload } from '../../contracts/jobs.js';

export interface JobContext {
  /** Aborted when the process is about to stop: hand the work back. */
  readonly signal: AbortSignal;
}

/**
 * What is done when a job's doorbell rings. A ring may come twice, late, or for work that is done or held by another:
 * the row it names says what there is to do. No actor is set; the processor takes it from the payload (`runAs`).
 */
export interface JobProcessor<N extends JobName> {
  readonly job: N;
  process(payload: JobPayload<N>, context: JobContext): Promise<void>;
}

/** A processor for each job of the catalog. */
export type JobProcessors = { readonly [N in JobName]: Type<JobProcessor<N>> };
