import { z } from 'zod';

const id = z.uuid();

/** Every kind of queued work. A payload carries ids only: the row it names in Postgres is the truth. */
export const JOBS = {
  'run.execute': { payload: z.object({ tenantId: id, runId: id }), concurrency: 100 },
  'evaluation.run': { payload: z.object({ tenantId: id, evaluationId: id }), concurrency: 1 },
  'document.ingest': { payload: z.object({ tenantId: id, ingestionId: id }), concurrency: 4 },
} as const;

export type JobName = keyof typeof JOBS;
export type JobPayload<N extends JobName> = z.infer<(typeof JOBS)[N]['payload']>;
