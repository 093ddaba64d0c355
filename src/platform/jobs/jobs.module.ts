import { Global, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { JOBS } from '../../contracts/jobs.js';
import { Settings } from '../config/settings.js';
import { Db } from '../database/db.js';
import { RedisConnections } from '../redis/redis-connections.js';
import { InProcessQueue } from './in-process.queue.js';
import type { JobProcessors } from './job-processor.js';
import { JobQueue } from './job-queue.js';
import { JOB_PROCESSORS, JobRunner } from './job-runner.js';
import { LeaseKeeper } from './lease-keeper.js';
import { queuePrefix } from './queue-prefix.js';
import { WorkClaims } from './work-claims.js';
import { WorkSweeper } from './work-sweeper.js';

const queue: Provider = {
  provide: JobQueue,
  inject: [Settings, JobRunner, Db, RedisConnections],
  async useFactory({ role }: Settings, runner: JobRunner, db: Db, redis: RedisConnections | null): Promise<JobQueue> {
    if (!redis) return new InProcessQueue(runner, (job) => JOBS[job].concurrency);
    // A fifth of a second and 27 MB that an embedded start can do without.
    const { BullQueue } = await import('./bullmq.queue.js');
    return new BullQueue(redis, runner, { role, prefix: await queuePrefix(db) });
  },
};

@Global()
@Module({})
export class JobsModule {
  static forRoot(processors: JobProcessors): DynamicModule {
    return {
      module: JobsModule,
      providers: [
        { provide: JOB_PROCESSORS, useValue: processors },
        JobRunner,
        queue,
        WorkClaims,
        LeaseKeeper,
        WorkSweeper,
      ],
      exports: [JobQueue, WorkClaims, LeaseKeeper],
    };
  }
}
