import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { JOBS, type JobName } from '../../contracts/jobs.js';
import { inScope, newScope } from '../access/scope.js';
import type { JobProcessor, JobProcessors } from './job-processor.js';
import { settledWithin } from './settled-within.js';
import { TenantTurns } from './tenant-turns.js';

export const JOB_PROCESSORS = Symbol('job processors');

/** A ring as it comes out of a queue. */
interface Arrival {
  job: JobName;
  /** Not yet known to have the job's shape: it may have been through Redis, and an older version of this program. */
  payload: unknown;
  correlationId: string;
}

/** For processors, when the process stops, to hand back what they hold. */
export const HAND_BACK_LIMIT_MS = 15_000;

/** Runs processors, whichever queue the ring came through. */
@Injectable()
export class JobRunner implements OnModuleInit {
  private readonly logger = new Logger('Jobs');
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private readonly turns = new Map<JobName, TenantTurns>();

  constructor(
    private readonly modules: ModuleRef,
    @Inject(JOB_PROCESSORS) private readonly processors: JobProcessors,
  ) {}

  /** A processor that no module provides stops the start, not the first job. */
  onModuleInit(): void {
    for (const job of Object.keys(this.processors) as JobName[]) this.processor(job);
  }

  /**
   * False when the process is stopping and took nothing on; resolves at once where the tenant has its part of the work
   * already, and this is done behind it. Never rejects: what a processor throws is logged, and its
   * row comes due again when the lease has run out.
   */
  async run(arrival: Arrival): Promise<boolean> {
    if (this.stopping.signal.aborted) return false;
    const work = this.process(arrival);
    this.running.add(work);
    await work;
    this.running.delete(work);
    return true;
  }

  /** Tells processors to hand back what they hold; false when some had not done so in time. */
  async stop(limitMs: number): Promise<boolean> {
    this.stopping.abort();
    return settledWithin(limitMs, Promise.all(this.running));
  }

  private async process({ job, payload, correlationId }: Arrival): Promise<void> {
    const parsed = JOBS[job].payload.safeParse(payload);
    if (!parsed.success) {
      this.logger.error({ job, payload, correlationId }, `Not a payload of ${job}, dropped`);
      return;
    }
    const { signal } = this.stopping;
    const work = async () => {
      if (signal.aborted) return;
      try {
        await inScope(newScope({ correlationId }), () => this.processor(job).process(parsed.data, { signal }));
      } catch (error) {
        this.logger.error({ err: error, job, payload, correlationId }, `${job} failed`);
      }
    };
    await this.turnsOf(job).take(parsed.data.tenantId, JSON.stringify(parsed.data), work);
  }

  private turnsOf(job: JobName): TenantTurns {
    let turns = this.turns.get(job);
    if (!turns) this.turns.set(job, (turns = new TenantTurns(JOBS[job].ofTenant)));
    return turns;
  }

  private processor(job: JobName): JobProcessor<JobName> {
    return this.modules.get<JobProcessor<JobName>>(this.processors[job], { strict: false });
  }
}
