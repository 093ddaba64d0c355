import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import type { Settings } from '../src/platform/config/settings.js';
import type { Db } from '../src/platform/database/db.js';
import { transactions } from '../src/platform/database/transaction.js';
import { JobQueue, type Ring } from '../src/platform/jobs/job-queue.js';
import { LeaseKeeper } from '../src/platform/jobs/lease-keeper.js';
import { WorkClaims } from '../src/platform/jobs/work-claims.js';
import { WorkSweeper } from '../src/platform/jobs/work-sweeper.js';
import { openTestDatabase } from './database.js';
import { asSystem, eventually, givenRun, givenTenant } from './platform-fixtures.js';

const onServers = process.env['TEST_DATABASE_URL'] ? it : it.skip;

function runIdOf({ payload }: Ring): string {
  return 'runId' in payload ? payload.runId : '';
}

/** A doorbell that nobody answers. */
class Bell extends JobQueue {
  readonly rung: Ring[] = [];
  get runIds(): string[] {
    return this.rung.map(runIdOf);
  }
  protected deliver(ring: Ring): void {
    this.rung.push(ring);
  }
}

let db: Db;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});

afterEach(async () => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  await asSystem(db, "UPDATE runs SET status = 'completed'");
});

afterAll(() => close());

const as = <T>(tenantId: string, fn: () => Promise<T>) => runAs(Actor.job(tenantId), fn);

async function read(runId: string) {
  const [row] = await asSystem<Record<string, unknown>>(
    db,
    `SELECT status, attempts, fence::int, barren_takeovers AS barren, started_at IS NOT NULL AS started,
            (extract(epoch FROM lease_until - now()) * 1000)::int AS "leaseMs"
     FROM runs WHERE id = :runId`,
    { runId },
  );
  return row!;
}

function change(runId: string, set: string) {
  return asSystem(db, `UPDATE runs SET ${set} WHERE id = :runId`, { runId });
}

const leaseRunsOut = (runId: string) => change(runId, "lease_until = now() - interval '1 second'");

describe('Claims of work', () => {
  async function given() {
    const tenantId = await givenTenant(db);
    const runId = await givenRun(db, tenantId);
    const bell = new Bell();
    const claims = new WorkClaims(db, bell);
    const claim = () => as(tenantId, () => claims.claim('runs', runId));
    const handBack = (fence: number) => as(tenantId, () => claims.handBack('runs', runId, fence));
    return { tenantId, runId, bell, claims, claim, handBack };
  }

  it('give queued work to one of several who want it', async () => {
    const { runId, claim } = await given();
    const claimed = await Promise.all([claim(), claim(), claim()]);
    expect(claimed.filter((c) => c !== null)).toEqual([{ fence: 1, attempts: 1, takenOver: false, lost: false }]);
    expect(await read(runId)).toMatchObject({ status: 'running', fence: 1, attempts: 1, started: true });
    expect(await claim()).toBeNull();
  });

  it('give nothing that is not due, not open, not the tenant’s own, or of a suspended tenant', async () => {
    const { tenantId, runId, claims, claim } = await given();
    const otherId = await givenTenant(db);
    expect(await as(otherId, () => claims.claim('runs', runId))).toBeNull();
    await change(runId, "run_after = now() + interval '1 minute'");
    expect(await claim()).toBeNull();
    await change(runId, "run_after = now(), status = 'waiting'");
    expect(await claim()).toBeNull();
    await change(runId, "status = 'queued'");
    await asSystem(db, "UPDATE tenants SET status = 'suspended' WHERE id = :tenantId", { tenantId });
    expect(await claim()).toBeNull();
    await asSystem(db, "UPDATE tenants SET status = 'active' WHERE id = :tenantId", { tenantId });
    expect(await claim()).toMatchObject({ fence: 1 });
  });

  it('take over from a holder whose lease ran out, whose fence is then an old one', async () => {
    const { runId, claim, handBack } = await given();
    await claim();
    await leaseRunsOut(runId);
    const claimed = await Promise.all([claim(), claim()]);
    expect(claimed.filter((c) => c !== null)).toEqual([{ fence: 2, attempts: 2, takenOver: true, lost: false }]);
    await handBack(1);
    expect(await read(runId)).toMatchObject({ status: 'running', fence: 2 });
  });

  it('give work up after five take-overs in a row that came to nothing', async () => {
    const { runId, claim } = await given();
    const lost: unknown[] = [];
    await claim();
    for (let i = 0; i < 5; i++) {
      await leaseRunsOut(runId);
      lost.push((await claim())?.lost);
    }
    expect(lost).toEqual([false, false, false, false, true]);
  });

  it('count take-overs from anew when one stored something, and no hand-back', async () => {
    const { runId, bell, claim, handBack } = await given();
    await claim();
    for (let i = 0; i < 4; i++) {
      await leaseRunsOut(runId);
      await claim();
    }
    expect(await read(runId)).toMatchObject({ barren: 4 });
    await handBack(5);
    expect(await read(runId)).toMatchObject({ status: 'queued', leaseMs: null, barren: 4 });
    expect(bell.runIds).toEqual([runId]);
    expect(await claim()).toEqual({ fence: 6, attempts: 6, takenOver: false, lost: false });
    expect(await read(runId)).toMatchObject({ barren: 4 });
    await change(runId, 'progressed = true');
    await leaseRunsOut(runId);
    expect(await claim()).toMatchObject({ takenOver: true, lost: false });
    expect(await read(runId)).toMatchObject({ barren: 0 });
  });

  it('tell how much of the tenant’s work waits', async () => {
    const { tenantId, claims, claim } = await given();
    await givenRun(db, tenantId);
    await givenRun(db, await givenTenant(db));
    expect(await as(tenantId, () => claims.backlog('runs'))).toBe(2);
    await claim();
    expect(await as(tenantId, () => claims.backlog('runs'))).toBe(1);
  });

  it('find the backlog by an index', async () => {
    const { tenantId, claims } = await given();
    const sql = jest.spyOn(db, 'sql');
    const plan = await as(tenantId, () =>
      db.run(async () => {
        await claims.backlog('runs');
        const [text, parameters] = sql.mock.calls[0]!;
        await db.manager.query('SET LOCAL enable_seqscan = off');
        return db.sql<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, parameters);
      }),
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toMatch(
      /using runs_open[^]*Index Cond: \(\(tenant_id = /,
    );
  });
});

describe('Held claims', () => {
  async function given() {
    const tenantId = await givenTenant(db);
    const runId = await givenRun(db, tenantId);
    const claims = new WorkClaims(db, new Bell());
    const claim = await as(tenantId, () => claims.claim('runs', runId));
    jest.useFakeTimers({
      doNotFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'nextTick', 'queueMicrotask', 'Date'],
    });
    const keeper = new LeaseKeeper(db);
    const callbacks = { onLost: jest.fn(), onCancel: jest.fn(), onPause: jest.fn(), onSuspended: jest.fn() };
    const release = keeper.hold(
      'runs',
      { tenantId, id: runId, fence: claim!.fence, claimedAt: performance.now() },
      callbacks,
    );
    return { tenantId, runId, claims, keeper, callbacks, release };
  }

  it('are renewed while they are held', async () => {
    const { runId, callbacks, release } = await given();
    await change(runId, "lease_until = now() + interval '1 second'");
    jest.advanceTimersByTime(3_000);
    await eventually(
      () => read(runId),
      ({ leaseMs }) => Number(leaseMs) > 5_000,
    );
    release();
    await change(runId, "lease_until = now() + interval '1 second'");
    jest.advanceTimersByTime(60_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(Number((await read(runId))['leaseMs'])).toBeLessThan(1_000);
    expect(callbacks.onLost).not.toHaveBeenCalled();
  });

  it('are told lost when another took the work over, and then never renewed', async () => {
    const { tenantId, runId, claims, callbacks } = await given();
    await leaseRunsOut(runId);
    await as(tenantId, () => claims.claim('runs', runId));
    jest.advanceTimersByTime(3_000);
    await eventually(
      () => callbacks.onLost.mock.calls.length,
      (calls) => calls === 1,
    );
    jest.advanceTimersByTime(60_000);
    expect(callbacks.onLost).toHaveBeenCalledTimes(1);
  });

  it('are told lost before the lease ends when the database can not be reached', async () => {
    const { callbacks } = await given();
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    jest.spyOn(db, 'systemSql').mockRejectedValue(new Error('away'));
    jest.advanceTimersByTime(8_000);
    expect(callbacks.onLost).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1_000);
    expect(callbacks.onLost).toHaveBeenCalledTimes(1);
  });

  it('are told of a cancellation once', async () => {
    const { runId, callbacks, release } = await given();
    await change(runId, 'cancel_requested_at = now()');
    jest.advanceTimersByTime(3_000);
    await eventually(
      () => callbacks.onCancel.mock.calls.length,
      (calls) => calls === 1,
    );
    await change(runId, "lease_until = now() + interval '1 second'");
    jest.advanceTimersByTime(3_000);
    await eventually(
      () => read(runId),
      ({ leaseMs }) => Number(leaseMs) > 5_000,
    );
    release();
    expect(callbacks.onCancel).toHaveBeenCalledTimes(1);
  });

  it.each(["status = 'suspended'", 'deleted_at = now()'])('are told that their tenant has %s', async (change) => {
    const { tenantId, callbacks, release } = await given();
    await asSystem(db, `UPDATE tenants SET ${change} WHERE id = :tenantId`, { tenantId });
    jest.advanceTimersByTime(3_000);
    await eventually(
      () => callbacks.onSuspended.mock.calls.length,
      (calls) => calls === 1,
    );
    release();
    expect(callbacks.onLost).not.toHaveBeenCalled();
  });

  // The embedded database has one transaction at a time: there, rows are never being written to by another.
  onServers('are renewed although the row of one is being written to', async () => {
    const first = await given();
    const second = await givenRun(db, first.tenantId);
    const claim = await as(first.tenantId, () => first.claims.claim('runs', second));
    first.keeper.hold(
      'runs',
      { tenantId: first.tenantId, id: second, fence: claim!.fence, claimedAt: performance.now() },
      {
        onLost: jest.fn(),
        onCancel: jest.fn(),
        onPause: jest.fn(),
        onSuspended: jest.fn(),
      },
    );
    for (const runId of [first.runId, second]) await change(runId, "lease_until = now() + interval '1 second'");
    await as(first.tenantId, () =>
      db.run(async () => {
        await db.sql('SELECT 1 FROM runs WHERE tenant_id = :tenantId AND id = :id FOR UPDATE', { id: first.runId });
        jest.advanceTimersByTime(3_000);
        await transactions.run(null, () =>
          eventually(
            () => read(second),
            ({ leaseMs }) => Number(leaseMs) > 5_000,
          ),
        );
      }),
    );
    expect(first.callbacks.onLost).not.toHaveBeenCalled();
    first.keeper.onApplicationShutdown();
  });
});

describe('The sweeper of work', () => {
  const sweepers: WorkSweeper[] = [];

  afterEach(async () => {
    await Promise.all(sweepers.splice(0).map((sweeper) => sweeper.beforeApplicationShutdown()));
  });

  function givenSweeper(role: Settings['role'] = 'worker') {
    const bell = new Bell();
    const sweeper = new WorkSweeper(db, bell, { role } as Settings);
    sweepers.push(sweeper);
    sweeper.onApplicationBootstrap();
    return bell;
  }

  it('rings for queued work whose ring was lost, and for running work whose holder is gone', async () => {
    const tenantId = await givenTenant(db);
    const [queued, left, held, later] = await Promise.all([1, 2, 3, 4].map(() => givenRun(db, tenantId)));
    await change(queued!, "run_after = now() - interval '5 seconds'");
    await change(left!, "status = 'running', lease_until = now() - interval '1 second'");
    await change(held!, "status = 'running', lease_until = now() + interval '10 seconds'");
    await change(later!, "run_after = now() + interval '1 minute'");
    const bell = givenSweeper();
    await eventually(
      () => bell.rung.length,
      (count) => count >= 2,
    );
    expect(bell.runIds.slice(0, 2)).toEqual([left, queued]);
    expect(bell.rung[0]?.payload.tenantId).toBe(tenantId);
    expect(bell.runIds).not.toContain(held);
    expect(bell.runIds).not.toContain(later);
  });

  it('takes turns between tenants, and leaves those alone that are suspended', async () => {
    const [large, small, suspended] = await Promise.all([givenTenant(db), givenTenant(db), givenTenant(db)]);
    const runs = new Map<string, string>();
    for (let i = 0; i < 5; i++) runs.set(await givenRun(db, large), 'large');
    runs.set(await givenRun(db, small), 'small');
    runs.set(await givenRun(db, suspended), 'suspended');
    await asSystem(db, "UPDATE tenants SET status = 'suspended' WHERE id = :suspended", { suspended });
    await asSystem(db, "UPDATE runs SET run_after = created_at - interval '5 seconds'");
    const bell = givenSweeper();
    await eventually(
      () => bell.rung.length,
      (count) => count >= 6,
    );
    const tenants = bell.runIds.map((id) => runs.get(id));
    expect(tenants.slice(0, 2).toSorted()).toEqual(['large', 'small']);
    expect(tenants).not.toContain('suspended');
    expect(bell.rung.find((ring) => runs.get(runIdOf(ring)) === 'large')?.backlog).toBe(5);
  });

  it('does not ring at every pass for work that waits for a slot', async () => {
    const tenantId = await givenTenant(db);
    const runId = await givenRun(db, tenantId);
    await change(runId, "run_after = now() - interval '5 seconds'");
    const bell = givenSweeper();
    const reads = jest.spyOn(db, 'systemSql');
    await eventually(
      () => reads.mock.calls.length,
      (passes) => passes >= 3,
    );
    reads.mockRestore();
    expect(bell.runIds).toEqual([runId]);
  }, 10_000);
});
