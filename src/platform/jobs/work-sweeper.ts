import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../access/actor.js';
import { inScope, newScope } from '../access/scope.js';
import { Settings } from '../config/settings.js';
import { Db } from '../database/db.js';
import { JobQueue } from './job-queue.js';
import { RecentRings } from './recent-rings.js';
import { RepeatedPass } from './repeated-pass.js';
import { WORK, WORK_TABLES, type WorkTable } from './work-tables.js';

const SWEEP_MS = 1_000;
/** Much is to be rung for (Redis was lost): the next pass comes soon. */
const BUSY_SWEEP_MS = 100;
/** A pass over a long backlog takes a while; so much longer is the pause after it, up to the longest. */
const REST_PER_WORK = 10;
const LONGEST_REST_MS = 5_000;
/** Rows looked at in one pass, of each table. */
const PAGE = 200;
const AGAIN_QUEUED_MS = 5_000;
const AGAIN_EXPIRED_MS = 2_000;

interface OpenRow {
  tenantId: string;
  id: string;
  attempts: number;
  expired: boolean;
  /** Rows of the same tenant that should be rung for. */
  backlog: number;
}

/** Rings again for work whose ring was lost, or whose holder died: what makes losing Redis or a process harmless. */
@Injectable()
export class WorkSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly recent = new RecentRings();
  private readonly passes = new RepeatedPass({
    everyMs: SWEEP_MS,
    logger: new Logger('WorkSweeper'),
    pass: () => this.pass(),
  });

  constructor(
    private readonly db: Db,
    private readonly queue: JobQueue,
    private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  private async pass(): Promise<number> {
    const startedAt = performance.now();
    let busy = false;
    for (const table of WORK_TABLES) {
      const rung = await this.sweep(table);
      if (rung > PAGE / 2) busy = true;
    }
    const rest = Math.min((performance.now() - startedAt) * REST_PER_WORK, LONGEST_REST_MS);
    return Math.max(busy ? BUSY_SWEEP_MS : SWEEP_MS * (0.75 + Math.random() / 2), rest);
  }

  private async sweep(table: WorkTable): Promise<number> {
    const rows = await inScope(newScope({ actor: Actor.system('work sweeper') }), () =>
      this.db.systemSql<OpenRow>(openWork(table), { page: PAGE }),
    );
    // A claim counts up the attempts, so the same row in a later state is another one here.
    const due = rows.filter(({ id, attempts, expired }) =>
      this.recent.due(`${table} ${id} ${attempts}`, expired ? AGAIN_EXPIRED_MS : AGAIN_QUEUED_MS),
    );
    for (const row of due) WORK[table].ring(this.queue, row, { backlog: row.backlog });
    return due.length;
  }
}

/** Takes turns between tenants. Queued work gets a second for its own ring to be heard. Suspended tenants' work waits. */
function openWork(table: WorkTable): string {
  return `
    SELECT tenant_id AS "tenantId", id, attempts, expired, backlog::int AS backlog
    FROM (
      SELECT due.*,
             row_number() OVER (PARTITION BY tenant_id ORDER BY expired DESC, since) AS turn,
             count(*) OVER (PARTITION BY tenant_id) AS backlog
      FROM (
        SELECT tenant_id, id, attempts, false AS expired, run_after AS since
        FROM ${table} WHERE status = 'queued' AND run_after < now() - interval '1 second'
        UNION ALL
        SELECT tenant_id, id, attempts, true, lease_until
        FROM ${table} WHERE status = 'running' AND lease_until < now()
      ) due
      JOIN tenants ON tenants.id = due.tenant_id AND tenants.status = 'active' AND tenants.deleted_at IS NULL
    ) open
    ORDER BY turn, expired DESC, since
    LIMIT :page`;
}
