import { Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Queue, Worker } from 'bullmq';
import { z } from 'zod';
import { JOBS, type JobName } from '../../contracts/jobs.js';
import type { RedisConnections } from '../redis/redis-connections.js';
import { isRedisAway } from '../redis/redis.js';
import { InProcessQueue } from './in-process.queue.js';
import { JobQueue, type Ring } from './job-queue.js';
import { HAND_BACK_LIMIT_MS, type JobRunner } from './job-runner.js';
import { settledWithin } from './settled-within.js';

const CLOSE_LIMIT_MS = 3_000;
const COMPLAIN_EVERY_MS = 30_000;
const MAX_PRIORITY = 2 ** 21 - 1;

const envelope = z.object({ payload: z.unknown(), correlationId: z.string() });
type Envelope = z.infer<typeof envelope>;

const BULL_OPTIONS = { priority: 1, attempts: 1, removeOnComplete: true, removeOnFail: true };
const JOB_NAMES = Object.keys(JOBS) as JobName[];

interface BullQueueOptions {
  role: 'all' | 'api' | 'worker';
  /** Of the keys in Redis. */
  prefix: string;
}

/**
 * Jobs of many processes, through Redis. Nothing is kept there that matters: no ids of our own (an add with a known one
 * is dropped without a word), no finished jobs, no second attempts.
 */
export class BullQueue extends JobQueue implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('JobQueue');
  private readonly queues: ReadonlyMap<JobName, Queue<Envelope>>;
  private readonly workers: Worker<unknown>[] = [];
  /** With ROLE=all for this process's own rings while it has room; wherever jobs are run, while Redis is away. */
  private readonly local: InProcessQueue | null;
  private failures = 0;
  private complainedAt = -Infinity;

  constructor(
    private readonly redis: RedisConnections,
    private readonly runner: JobRunner,
    private readonly options: BullQueueOptions,
  ) {
    super();
    this.queues = new Map(JOB_NAMES.map((job) => [job, this.openQueue(job)]));
    const slots = (job: JobName) => Math.ceil(JOBS[job].concurrency / 2);
    this.local = options.role === 'api' ? null : new InProcessQueue(runner, slots);
  }

  onApplicationBootstrap(): void {
    if (this.options.role === 'api') return;
    const connection = this.redis.connect('worker');
    for (const job of JOB_NAMES) {
      const { concurrency } = JOBS[job];
      const worker = new Worker<unknown>(job, ({ data }) => this.run(job, data), {
        connection,
        prefix: this.options.prefix,
        // The other half is for this process's own rings.
        concurrency: this.options.role === 'all' ? Math.max(1, Math.floor(concurrency / 2)) : concurrency,
      });
      worker.on('error', (error) => this.complain(error));
      this.workers.push(worker);
    }
  }

  /** What is handed back is rung through Redis for the other processes, so the queues close last. */
  async beforeApplicationShutdown(): Promise<void> {
    this.local?.close();
    await Promise.all(this.workers.map((worker) => worker.pause(true)));
    const allHandedBack = await this.runner.stop(HAND_BACK_LIMIT_MS);
    // A worker told to close in good order never does so while Redis is away.
    const force = !allHandedBack || this.redis.producer.status !== 'ready';
    const closing = [...this.workers.map((w) => w.close(force)), ...[...this.queues.values()].map((q) => q.close())];
    await settledWithin(CLOSE_LIMIT_MS, Promise.all(closing));
  }

  override hasRoom(job: JobName): boolean {
    return this.options.role === 'all' && this.local !== null && this.local.hasRoom(job);
  }

  override take(ring: Ring): boolean {
    return this.options.role === 'all' && this.local !== null && this.local.take(ring);
  }

  protected deliver(ring: Ring): void {
    if (this.take(ring)) return;
    const { job, payload, correlationId, backlog, delayMs } = ring;
    const options = { ...BULL_OPTIONS, priority: Math.min(backlog + 1, MAX_PRIORITY), delay: delayMs };
    this.queues
      .get(job)
      ?.add(job, { payload, correlationId }, options)
      .catch((error: unknown) => {
        this.complain(error);
        this.local?.deliver(ring);
      });
  }

  private async run(job: JobName, data: unknown): Promise<void> {
    const { payload, correlationId } = envelope.parse(data);
    const taken = await this.runner.run({ job, payload, correlationId });
    // A paused worker still gets what it was just waiting for.
    if (!taken) await this.queues.get(job)?.add(job, { payload, correlationId }, BULL_OPTIONS);
  }

  private openQueue(job: JobName): Queue<Envelope> {
    const queue = new Queue<Envelope>(job, {
      connection: this.redis.producer,
      prefix: this.options.prefix,
      // Without these a ring would wait for Redis, and one that is away at the start would break the queue for good.
      skipWaitingForReady: true,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    queue.on('error', (error) => this.complain(error));
    return queue;
  }

  /** That Redis is away is told by its connections; here only now and then what comes of it. */
  private complain(error: unknown): void {
    if (!isRedisAway(error)) {
      this.logger.error({ err: error }, 'The queue reports an error');
      return;
    }
    this.failures++;
    const now = performance.now();
    if (now - this.complainedAt < COMPLAIN_EVERY_MS) return;
    this.logger.warn(`Redis is away, ${this.failures} calls failed; those who run jobs find them by their sweeps`);
    this.complainedAt = now;
    this.failures = 0;
  }
}
