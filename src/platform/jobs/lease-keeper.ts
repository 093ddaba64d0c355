import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Actor } from '../access/actor.js';
import { inScope, newScope } from '../access/scope.js';
import { Db } from '../database/db.js';
import { LEASE_MS, type WorkTable } from './work-tables.js';

const TICK_MS = 1_000;
const RENEW_EVERY_MS = 3_000;
/** Held work is let go of so long before its lease ends, since it takes a moment to stop it. */
const MARGIN_MS = 1_000;

interface HoldCallbacks {
  /** Another process may take the work from now on: stop, and write nothing more. Called at most once. */
  onLost(): void;
  /** Someone asked for the work to be cancelled. Called at most once. */
  onCancel(): void;
  /** Someone asked for the work to wait when its step is done. Called at each renewal until then. */
  onPause(): void;
  /** The tenant was suspended or deleted: hand the work back, it waits. Called at each renewal until then. */
  onSuspended(): void;
}

interface Claimed {
  readonly tenantId: string;
  readonly id: string;
  readonly fence: number;
  readonly claimedAt: number;
}

interface Hold extends Omit<Claimed, 'claimedAt'> {
  readonly table: WorkTable;
  readonly callbacks: HoldCallbacks;
  /** On this process's own clock, counted from before the statement that set it. */
  endsAt: number;
  cancelTold: boolean;
}

interface HeldRow {
  position: number;
  mine: boolean;
  renewed: boolean;
  cancelRequested: boolean;
  pauseRequested: boolean;
  suspended: boolean;
}

/** Keeps the claims of this process alive: one statement for all of a table, not a timer for each. */
@Injectable()
export class LeaseKeeper implements OnApplicationShutdown {
  private readonly logger = new Logger('LeaseKeeper');
  /** The timer is started by some job, but is no part of it. */
  private readonly detached = AsyncLocalStorage.snapshot();
  private readonly holds = new Set<Hold>();
  private timer: NodeJS.Timeout | undefined;
  private renewing = false;
  private renewedAt = 0;

  constructor(private readonly db: Db) {}

  /**
   * To be called right after the claim; what it returns ends the hold, and must be called whatever comes of the work.
   * `claimedAt`: before the statement that claimed it, on the clock of `performance.now()`.
   */
  hold(table: WorkTable, { claimedAt, ...claimed }: Claimed, callbacks: HoldCallbacks): () => void {
    const endsAt = claimedAt + LEASE_MS - MARGIN_MS;
    const hold: Hold = { table, ...claimed, callbacks, endsAt, cancelTold: false };
    this.holds.add(hold);
    this.timer ??= setInterval(() => this.detached(() => this.tick()), TICK_MS).unref();
    return () => this.end(hold);
  }

  onApplicationShutdown(): void {
    this.holds.clear();
    clearInterval(this.timer);
  }

  private end(hold: Hold): void {
    this.holds.delete(hold);
    if (this.holds.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private lose(hold: Hold): void {
    if (!this.holds.has(hold)) return;
    this.end(hold);
    hold.callbacks.onLost();
  }

  private tick(): void {
    const now = performance.now();
    for (const hold of this.holds) if (now >= hold.endsAt) this.lose(hold);
    // A statement that hangs with its connection must not keep later ones from other connections.
    if (now - this.renewedAt < (this.renewing ? LEASE_MS : RENEW_EVERY_MS)) return;
    this.renewing = true;
    this.renewedAt = now;
    this.renewAll()
      .catch((error: unknown) => this.logger.warn({ err: error }, 'Leases were not renewed'))
      .finally(() => (this.renewing = false));
  }

  private async renewAll(): Promise<void> {
    for (const [table, holds] of Map.groupBy(this.holds, (hold) => hold.table)) await this.renew(table, holds);
  }

  private async renew(table: WorkTable, holds: Hold[]): Promise<void> {
    const sentAt = performance.now();
    const rows = await inScope(newScope({ actor: Actor.system('lease keeper') }), () =>
      this.db.systemSql<HeldRow>(renewal(table), {
        tenantIds: holds.map((hold) => hold.tenantId),
        ids: holds.map((hold) => hold.id),
        fences: holds.map((hold) => hold.fence),
        leaseMs: LEASE_MS,
      }),
    );
    for (const row of rows) {
      const hold = holds[row.position - 1];
      if (!hold) continue;
      if (!row.mine) this.lose(hold);
      else if (row.renewed) hold.endsAt = sentAt + LEASE_MS - MARGIN_MS;
      if (row.mine) this.tell(hold, row);
    }
  }

  private tell(hold: Hold, { cancelRequested, pauseRequested, suspended }: HeldRow): void {
    if (!this.holds.has(hold)) return;
    if (pauseRequested) hold.callbacks.onPause();
    if (suspended) hold.callbacks.onSuspended();
    if (!cancelRequested || hold.cancelTold) return;
    hold.cancelTold = true;
    hold.callbacks.onCancel();
  }
}

/**
 * Rows that someone else is just writing to are left for the next time: waiting for one would hold up all the others.
 * NO KEY, since rows that refer to these, events for example, are inserted all the time.
 */
function renewal(table: WorkTable): string {
  return `
    WITH held AS (
      SELECT * FROM unnest(:tenantIds::uuid[], :ids::uuid[], :fences::bigint[]) WITH ORDINALITY
        AS h (tenant_id, id, fence, position)),
    reachable AS (
      SELECT work.tenant_id, work.id FROM ${table} work
      JOIN held ON held.tenant_id = work.tenant_id AND held.id = work.id AND held.fence = work.fence
      WHERE work.status = 'running'
      FOR NO KEY UPDATE OF work SKIP LOCKED),
    renewed AS (
      UPDATE ${table} work SET lease_until = now() + interval '1 millisecond' * :leaseMs
      FROM reachable WHERE work.tenant_id = reachable.tenant_id AND work.id = reachable.id
      RETURNING work.tenant_id, work.id)
    SELECT held.position::int AS position,
           coalesce(work.fence = held.fence AND work.status = 'running', false) AS mine,
           renewed.id IS NOT NULL AS renewed,
           work.cancel_requested_at IS NOT NULL AS "cancelRequested",
           work.pause_requested_at IS NOT NULL AS "pauseRequested",
           tenants.status IS DISTINCT FROM 'active' OR tenants.deleted_at IS NOT NULL AS suspended
    FROM held
    LEFT JOIN ${table} work ON work.tenant_id = held.tenant_id AND work.id = held.id
    LEFT JOIN tenants ON tenants.id = held.tenant_id
    LEFT JOIN renewed ON renewed.tenant_id = held.tenant_id AND renewed.id = held.id`;
}
