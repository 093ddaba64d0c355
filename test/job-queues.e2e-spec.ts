import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Global, Injectable, Logger, Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { v7 } from 'uuid';
import type { JobPayload } from '../src/contracts/jobs.js';
import { Actor } from '../src/platform/access/actor.js';
import { currentScope, inScope, newScope, runAs } from '../src/platform/access/scope.js';
import { ConfigModule } from '../src/platform/config/config.module.js';
import type { Settings } from '../src/platform/config/settings.js';
import { Db } from '../src/platform/database/db.js';
import type { JobContext, JobProcessor } from '../src/platform/jobs/job-processor.js';
import { JobQueue } from '../src/platform/jobs/job-queue.js';
import { JobsModule } from '../src/platform/jobs/jobs.module.js';
import { WorkClaims } from '../src/platform/jobs/work-claims.js';
import { RedisConnections } from '../src/platform/redis/redis-connections.js';
import { RedisModule } from '../src/platform/redis/redis.module.js';
import { openTestDatabase } from './database.js';
import { asSystem, eventually, givenRun, givenTenant } from './platform-fixtures.js';

type Payload = JobPayload<'run.execute'>;

const redisUrl = ownRedis(process.env['TEST_REDIS_URL']);
const describeWithRedis = redisUrl ? describe : describe.skip;

let db: Db;
let close: () => Promise<void>;
const processes: INestApplicationContext[] = [];

beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map((app) => app.close()));
  await asSystem(db, "UPDATE runs SET status = 'completed'");
  jest.restoreAllMocks();
});

afterAll(() => close());

/** The database that this worker of the test run has to itself. */
function ownRedis(server: string | undefined): string | null {
  return server ? new URL(`/${process.env['JEST_WORKER_ID'] ?? '0'}`, server).toString() : null;
}

@Injectable()
class Ingesting implements JobProcessor<'document.ingest'> {
  readonly job = 'document.ingest';
  process(): Promise<void> {
    return Promise.resolve();
  }
}

@Injectable()
class Evaluating implements JobProcessor<'evaluation.run'> {
  readonly job = 'evaluation.run';
  process(): Promise<void> {
    return Promise.resolve();
  }
}

/** A process of its own as far as jobs go, which does `work` when a run's doorbell rings. */
async function givenProcess(role: Settings['role'], url: string | null, work: JobProcessor<'run.execute'>['process']) {
  @Injectable()
  class Processor implements JobProcessor<'run.execute'> {
    readonly job = 'run.execute';
    process(payload: Payload, context: JobContext): Promise<void> {
      return work(payload, context);
    }
  }
  const settings = { role, redis: { url } } as Settings;
  const app = await Test.createTestingModule({
    imports: [
      ConfigModule.forRoot(settings),
      sharing(db),
      providing(Processor, Ingesting, Evaluating),
      RedisModule,
      JobsModule.forRoot({ 'run.execute': Processor, 'document.ingest': Ingesting, 'evaluation.run': Evaluating }),
    ],
  }).compile();
  await app.init();
  processes.push(app);
  return { app, queue: app.get(JobQueue), claims: app.get(WorkClaims) };
}

function sharing(shared: Db): Type {
  @Global()
  @Module({ providers: [{ provide: Db, useValue: shared }], exports: [Db] })
  class SharedDatabase {}
  return SharedDatabase;
}

function providing(...processors: Type[]): Type {
  @Module({ providers: processors })
  class ProcessorModule {}
  return ProcessorModule;
}

/** Until then rings are dropped, and the sweeper would be what is tested. */
async function connected(app: INestApplicationContext): Promise<void> {
  const { producer } = app.get(RedisConnections);
  await eventually(
    () => producer.status,
    (status) => status === 'ready',
  );
}

const nothing = async () => undefined;

async function givenRuns(count: number): Promise<Payload[]> {
  const tenantId = await givenTenant(db);
  return Promise.all(Array.from({ length: count }, async () => ({ tenantId, runId: await givenRun(db, tenantId) })));
}

/** Claims the run and ends it, as a processor does, and notes which it was. */
function completing(done: string[], claims: () => WorkClaims) {
  return async ({ tenantId, runId }: Payload) => {
    await runAs(Actor.job(tenantId), async () => {
      const claim = await claims().claim('runs', runId);
      if (!claim) return;
      await db.sql("UPDATE runs SET status = 'completed' WHERE tenant_id = :tenantId AND id = :runId", { runId });
      done.push(runId);
    });
  };
}

describe('One process', () => {
  it('runs a job that it rings for, with the correlation id of who rang', async () => {
    const seen: unknown[] = [];
    const { queue } = await givenProcess('all', null, async (payload) => {
      seen.push([payload, currentScope().correlationId]);
    });
    const payload = { tenantId: v7(), runId: v7() };
    inScope(newScope({ correlationId: 'request-1' }), () => queue.ring('run.execute', payload));
    await eventually(
      () => seen.length,
      (count) => count === 1,
    );
    expect(seen).toEqual([[payload, 'request-1']]);
  });

  it('hands back what it holds when it stops, and another goes on', async () => {
    const [run] = await givenRuns(1);
    let begun = false;
    const first = await givenProcess('all', null, ({ tenantId, runId }, { signal }) =>
      runAs(Actor.job(tenantId), async () => {
        const claim = await first.claims.claim('runs', runId);
        begun = claim !== null;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await first.claims.handBack('runs', runId, claim!.fence);
      }),
    );
    first.queue.ring('run.execute', run!);
    await eventually(
      () => begun,
      (yes) => yes,
    );
    await processes.pop()!.close();
    const done: string[] = [];
    const second = await givenProcess('all', null, (payload) => completing(done, () => second.claims)(payload));
    await eventually(
      () => done.length,
      (count) => count === 1,
    );
    expect(done).toEqual([run!.runId]);
  }, 15_000);

  it('does not start without the processor of a job', async () => {
    class Unprovided implements JobProcessor<'run.execute'> {
      readonly job = 'run.execute';
      process = nothing;
    }
    const app = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot({ role: 'all', redis: { url: null } } as Settings),
        sharing(db),
        RedisModule,
        JobsModule.forRoot({ 'run.execute': Unprovided, 'document.ingest': Ingesting, 'evaluation.run': Evaluating }),
      ],
    }).compile();
    await expect(app.init()).rejects.toThrow('Unprovided');
  });
});

describeWithRedis('Several processes on Redis', () => {
  it('share the jobs that a process rings for which runs none itself', async () => {
    const runs = await givenRuns(20);
    const done: string[] = [];
    const api = await givenProcess('api', redisUrl, async () => {
      throw new Error('an api process runs no jobs');
    });
    for (let i = 0; i < 2; i++) {
      const worker = await givenProcess('worker', redisUrl, (payload) =>
        completing(done, () => worker.claims)(payload),
      );
    }
    await connected(api.app);
    for (const run of runs) api.queue.ring('run.execute', run);
    await eventually(
      () => done.length,
      (count) => count === runs.length,
    );
    expect(done.toSorted()).toEqual(runs.map((run) => run.runId).toSorted());
  });

  it('loses no work when Redis is emptied', async () => {
    const runs = await givenRuns(10);
    const api = await givenProcess('api', redisUrl, nothing);
    await connected(api.app);
    for (const run of runs) api.queue.ring('run.execute', run);
    const redis = new Redis(redisUrl!);
    await redis.flushdb();
    await redis.quit();
    const done: string[] = [];
    const worker = await givenProcess('worker', redisUrl, (payload) => completing(done, () => worker.claims)(payload));
    await eventually(
      () => done.length,
      (count) => count === runs.length,
    );
    expect(done.toSorted()).toEqual(runs.map((run) => run.runId).toSorted());
  }, 15_000);

  it('hand work back to one another at a shutdown', async () => {
    const [run] = await givenRuns(1);
    let begun = false;
    const first = await givenProcess('all', redisUrl, ({ tenantId, runId }, { signal }) =>
      runAs(Actor.job(tenantId), async () => {
        const claim = await first.claims.claim('runs', runId);
        begun = claim !== null;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await first.claims.handBack('runs', runId, claim!.fence);
      }),
    );
    first.queue.ring('run.execute', run!);
    await eventually(
      () => begun,
      (yes) => yes,
    );
    const done: string[] = [];
    const second = await givenProcess('worker', redisUrl, (payload) => completing(done, () => second.claims)(payload));
    await first.app.close();
    await eventually(
      () => done.length,
      (count) => count === 1,
    );
    expect(done).toEqual([run!.runId]);
  }, 15_000);
});

describe('A process whose Redis is away', () => {
  it('starts, runs its jobs itself, and stops', async () => {
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const [run] = await givenRuns(1);
    const done: string[] = [];
    const nowhere = 'redis://:secret@127.0.0.1:1';
    const only = await givenProcess('all', nowhere, (payload) => completing(done, () => only.claims)(payload));
    only.queue.ring('run.execute', run!, { delayMs: 1 });
    await asSystem(db, "UPDATE runs SET run_after = now() - interval '5 seconds' WHERE id = :runId", run);
    await eventually(
      () => done.length,
      (count) => count === 1,
    );
    await processes.pop()!.close();
    const warnings = jest.mocked(Logger.prototype.warn).mock.calls.map((call) => JSON.stringify(call));
    expect(warnings.filter((warning) => warning.includes('Not reachable (worker)'))).toHaveLength(1);
    expect(warnings.join()).not.toContain('secret');
  }, 20_000);
});
