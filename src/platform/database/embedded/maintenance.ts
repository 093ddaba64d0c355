import type { PgliteEngine } from './pglite-engine.js';
import type { WireServer } from './wire-server.js';

const INTERVAL_MS = 5_000;
/** Bounds what a start after a kill has to replay. */
const CHECKPOINT_AFTER_WAL_BYTES = 32 * 1024 * 1024;
const CHECKPOINT_AFTER_MS = 5 * 60_000;

/** The table furthest beyond Postgres' own autovacuum thresholds, or so old that Postgres would soon refuse to write. */
const NEXT_TABLE = `
  SELECT name, dead > 1 OR old AS vacuum
  FROM (
    SELECT s.relid::regclass::text AS name,
           s.n_dead_tup / (50 + 0.2 * s.n_live_tup) AS dead,
           s.n_mod_since_analyze / (50 + 0.1 * s.n_live_tup) AS modified,
           age(c.relfrozenxid) > 150000000 AS old
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
  ) AS tables
  WHERE dead > 1 OR modified > 1 OR old
  ORDER BY greatest(dead, modified) DESC
  LIMIT 1`;

/**
 * PGlite has no background processes: without this the write-ahead log would grow for ever, and with it the recovery
 * after a kill; deleted rows would never make room, and the planner would know no statistics.
 */
export class Maintenance {
  readonly #engine: PgliteEngine;
  readonly #timer: NodeJS.Timeout;
  /** Write-ahead log position of the last checkpoint; the start makes one. */
  #checkpointWal: number | undefined;
  #checkpointAt = Date.now();

  constructor(engine: PgliteEngine, server: WireServer, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#timer = setInterval(() => {
      server.runExclusive(() => this.#round()).catch(onError);
    }, INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** At most one table a round, since everybody waits meanwhile. */
  async #round(): Promise<void> {
    const wal = await this.#walBytes();
    this.#checkpointWal ??= wal;
    if (wal === this.#checkpointWal) return;
    const [table] = await this.#engine.query<{ name: string; vacuum: boolean }>(NEXT_TABLE);
    if (table) await this.#engine.query(`${table.vacuum ? 'VACUUM (ANALYZE)' : 'ANALYZE'} ${table.name}`);

    const due = Date.now() - this.#checkpointAt >= CHECKPOINT_AFTER_MS;
    if (!due && wal - this.#checkpointWal < CHECKPOINT_AFTER_WAL_BYTES) return;
    await this.#engine.query('CHECKPOINT');
    this.#checkpointWal = await this.#walBytes();
    this.#checkpointAt = Date.now();
  }

  async #walBytes(): Promise<number> {
    const [row] = await this.#engine.query<{ bytes: number }>(
      "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS bytes",
    );
    return row?.bytes ?? 0;
  }
}
