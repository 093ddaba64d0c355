import { z } from 'zod';

const id = z.uuid();

/**
 * Every kind of queued work. A payload carries ids only: the row it names in Postgres is the truth. Of what a process does
 * at a time (`concurrency`), one tenant has a part (`ofTenant`).
 */
export const JOBS = {
  // Some are claimed before they are rung for, so none may be put aside.
  'run.execute': { payload: z.object({ tenantId: id, runId: id }), concurrency: 100, ofTenant: Infinity },
  'evaluation.run': { payload: z.object({ tenantId: id, evaluationId: id }), concurrency: 2, ofTenant: 1 },
  'document.ingest': { payload: z.object({ tenantId: id, ingestionId: id }), concurrency: 6, ofTenant: 4 },
} as const;

export type JobName = keyof typeof JOBS;
export type JobPayload<N extends JobName> = z.infer<(typeof JOBS)[N]['payload']>;
