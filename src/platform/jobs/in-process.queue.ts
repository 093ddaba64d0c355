import type { BeforeApplicationShutdown } from '@nestjs/common';
import PQueue from 'p-queue';
import type { JobName } from '../../contracts/jobs.js';
import { JobQueue, type Ring } from './job-queue.js';
import { HAND_BACK_LIMIT_MS, type JobRunner } from './job-runner.js';

/** Rings beyond these are dropped; the sweeper finds their rows when there is room again. */
const MAX_WAITING = 10_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Jobs of one process, for itself: all there is without Redis, a short cut beside it. */
export class InProcessQueue extends JobQueue implements BeforeApplicationShutdown {
  private readonly lanes = new Map<JobName, PQueue>();
  /** By job and payload, as is `running`, which has the ring that came meanwhile. */
  private readonly waiting = new Set<string>();
  private readonly running = new Map<string, Ring | null>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private closed = false;

  constructor(
    private readonly runner: Pick<JobRunner, 'run' | 'stop'>,
    private readonly slotsOf: (job: JobName) => number,
  ) {
    super();
  }

  override hasRoom(job: JobName): boolean {
    const lane = this.lane(job);
    return !this.closed && lane.size === 0 && lane.pending < this.slotsOf(job);
  }

  override take(ring: Ring): boolean {
    if (ring.delayMs > 0 || !this.hasRoom(ring.job)) return false;
    this.deliver(ring);
    return true;
  }

  /** Takes no more, and forgets what is waiting. */
  close(): void {
    this.closed = true;
    for (const lane of this.lanes.values()) lane.clear();
    for (const timer of this.timers) clearTimeout(timer);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.close();
    await this.runner.stop(HAND_BACK_LIMIT_MS);
  }

  /** A payload waits once, and is at work once: a ring during its work leads to another run after it. */
  override deliver(ring: Ring): void {
    if (this.closed) return;
    if (ring.delayMs > 0) {
      this.deliverLater(ring);
      return;
    }
    const key = `${ring.job} ${JSON.stringify(ring.payload)}`;
    if (this.running.has(key)) {
      this.running.set(key, ring);
      return;
    }
    const lane = this.lane(ring.job);
    if (this.waiting.has(key) || lane.size >= MAX_WAITING) return;
    this.waiting.add(key);
    void lane.add(() => this.run(key, ring), { priority: -ring.backlog });
  }

  private async run(key: string, ring: Ring): Promise<void> {
    this.waiting.delete(key);
    this.running.set(key, null);
    await this.runner.run(ring);
    const next = this.running.get(key);
    this.running.delete(key);
    if (next) this.deliver(next);
  }

  private deliverLater(ring: Ring): void {
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        this.deliver({ ...ring, delayMs: 0 });
      },
      Math.min(ring.delayMs, LONGEST_TIMER_MS),
    ).unref();
    this.timers.add(timer);
  }

  private lane(job: JobName): PQueue {
    let lane = this.lanes.get(job);
    if (!lane) {
      lane = new PQueue({ concurrency: this.slotsOf(job) });
      this.lanes.set(job, lane);
    }
    return lane;
  }
}
