import { Injectable } from '@nestjs/common';
import { currentTenantActor } from '../access/scope.js';
import { Db } from '../database/db.js';
import { JobQueue } from './job-queue.js';
import { LEASE_MS, WORK, type WorkTable } from './work-tables.js';

/** Take-overs in a row, each after nothing had been stored, at which work is given up. */
const MAX_BARREN_TAKEOVERS = 5;
/** Beyond this, a tenant's turn comes no later still. */
const MAX_BACKLOG = 1_000;

export interface Claim {
  /** Every write of the work's says `WHERE fence = …`: it fails once another holds the claim. */
  fence: number;
  /** How often the work was claimed, this time included. */
  attempts: number;
  /** Another's claim had run out. */
  takenOver: boolean;
  /** Five processes in a row got nowhere: the work is to be failed (`worker_lost`), not tried again. */
  lost: boolean;
}

interface ClaimedRow {
  fence: string;
  attempts: number;
  barrenTakeovers: number;
  takenOver: boolean;
}

/** Who works on what: at most one process per row, for as long as it renews its lease (see LeaseKeeper). */
@Injectable()
export class WorkClaims {
  constructor(
    private readonly db: Db,
    private readonly queue: JobQueue,
  ) {}

  /**
   * Claims work of the current tenant that is queued and due, or whose holder's lease ran out. Null when there is
   * nothing to do: it is done, not due, held by another, or its tenant is suspended.
   */
  async claim(table: WorkTable, id: string): Promise<Claim | null> {
    const [row] = await this.db.sql<ClaimedRow>(
      `UPDATE ${table} work
       SET status = 'running',
           lease_until = now() + interval '1 millisecond' * :leaseMs,
           fence = work.fence + 1,
           attempts = work.attempts + 1,
           started_at = coalesce(work.started_at, now()),
           barren_takeovers = CASE WHEN old.progressed THEN 0
                                   WHEN old.status = 'running' THEN work.barren_takeovers + 1
                                   ELSE work.barren_takeovers END,
           progressed = false
       FROM (SELECT tenant_id, id, status, progressed FROM ${table}
             WHERE tenant_id = :tenantId AND id = :id
               AND (status = 'queued' AND run_after <= now() OR status = 'running' AND lease_until < now())
             FOR NO KEY UPDATE) old
       WHERE work.tenant_id = old.tenant_id AND work.id = old.id
         AND EXISTS (SELECT 1 FROM tenants WHERE id = :tenantId AND status = 'active' AND deleted_at IS NULL)
       RETURNING work.fence, work.attempts, work.barren_takeovers AS "barrenTakeovers",
                 old.status = 'running' AS "takenOver"`,
      { id, leaseMs: LEASE_MS },
    );
    if (!row) return null;
    const { attempts, takenOver, barrenTakeovers } = row;
    return { fence: Number(row.fence), attempts, takenOver, lost: barrenTakeovers >= MAX_BARREN_TAKEOVERS };
  }

  /** Puts claimed work back for another process, at once; it counts neither as a failure nor as a take-over. */
  async handBack(table: WorkTable, id: string, fence: number): Promise<void> {
    const rows = await this.db.sql(
      `UPDATE ${table} SET status = 'queued', run_after = now(), lease_until = NULL
       WHERE tenant_id = :tenantId AND id = :id AND fence = :fence AND status = 'running'
       RETURNING id`,
      { id, fence },
    );
    if (rows.length > 0) WORK[table].ring(this.queue, { tenantId: currentTenantActor().tenantId, id });
  }

  /**
   * How much of the current tenant's work is waiting for a worker, up to 1,000: what a ring for it says as its `backlog`.
   */
  async backlog(table: WorkTable): Promise<number> {
    const [row] = await this.db.sql<{ count: number }>(
      `SELECT count(*)::int AS count
       FROM (SELECT 1 FROM ${table} WHERE tenant_id = :tenantId AND status = 'queued' AND run_after < 'infinity' LIMIT :most) waiting`,
      { most: MAX_BACKLOG },
    );
    return row?.count ?? 0;
  }
}
