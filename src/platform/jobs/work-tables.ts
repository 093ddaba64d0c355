import type { JobName, JobPayload } from '../../contracts/jobs.js';
import type { JobQueue, RingOptions } from './job-queue.js';

interface WorkRow {
  tenantId: string;
  id: string;
}

interface WorkKind {
  ring(queue: JobQueue, row: WorkRow, options?: RingOptions): void;
}

function workOf<N extends JobName>(job: N, payload: (row: WorkRow) => JobPayload<N>): WorkKind {
  return { ring: (queue, row, options) => queue.ring(job, payload(row), options) };
}

/**
 * The tables whose rows are queued work, and which doorbell is theirs. Each has the columns tenant_id, id, status,
 * run_after, attempts, barren_takeovers, progressed, lease_until, fence, started_at, cancel_requested_at and
 * pause_requested_at, and indexes like those of `runs`. Work whose `run_after` is infinity is held: nobody takes it up
 * before its owner says when.
 */
export const WORK = {
  runs: workOf('run.execute', ({ tenantId, id }) => ({ tenantId, runId: id })),
  rag_evaluations: workOf('evaluation.run', ({ tenantId, id }) => ({ tenantId, evaluationId: id })),
  rag_ingestions: workOf('document.ingest', ({ tenantId, id }) => ({ tenantId, ingestionId: id })),
} as const;

export type WorkTable = keyof typeof WORK;
export const WORK_TABLES = Object.keys(WORK) as WorkTable[];

/** How long a claim lasts without being renewed. */
export const LEASE_MS = 10_000;
