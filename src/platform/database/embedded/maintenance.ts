import { setTimeout as sleep } from 'node:timers/promises';
import type { PgliteEngine } from './pglite-engine.js';
import type { WireServer } from './wire-server.js';

const INTERVAL_MS = 5_000;
/** In which waiting clients are served between two tables. */
const PAUSE_MS = 20;
/** Bounds what a start after a kill has to replay. */
const CHECKPOINT_AFTER_WAL_BYTES = 32 * 1024 * 1024;
const CHECKPOINT_AFTER_MS = 5 * 60_000;

/** Tables beyond Postgres' own autovacuum thresholds, or so old that Postgres would in the end refuse to write. */
const DUE_TABLES = `
  SELECT s.relid::regclass::text AS name,
         s.n_dead_tup > 50 + 0.2 * s.n_live_tup OR age(c.relfrozenxid) > 150000000 AS vacuum
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE s.n_dead_tup > 50 + 0.2 * s.n_live_tup
     OR s.n_mod_since_analyze > 50 + 0.1 * s.n_live_tup
     OR age(c.relfrozenxid) > 150000000`;

/**
 * PGlite has no background processes: without this the write-ahead log would grow for ever, and with it the recovery
 * after a kill; deleted rows would never make room, and the planner would know no statistics.
 */
export class Maintenance {
  readonly #engine: PgliteEngine;
  readonly #server: WireServer;
  readonly #stopped = new AbortController();
  /** Write-ahead log position of the last checkpoint; the start makes one. */
  #checkpointWal: number | undefined;
  #checkpointAt = Date.now();

  constructor(engine: PgliteEngine, server: WireServer) {
    this.#engine = engine;
    this.#server = server;
  }

  /** Until stopped. `onError` hears what failed; it is tried again. */
  async run(onError: (error: unknown) => void): Promise<void> {
    while (await this.#pause(INTERVAL_MS)) await this.#round().catch(onError);
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #round(): Promise<void> {
    const wal = await this.#walBytes();
    this.#checkpointWal ??= wal;
    if (wal === this.#checkpointWal) return;

    for (const { name, vacuum } of await this.#query<{ name: string; vacuum: boolean }>(DUE_TABLES)) {
      if (!(await this.#pause(PAUSE_MS))) return;
      await this.#query(`${vacuum ? 'VACUUM (ANALYZE)' : 'ANALYZE'} ${name}`);
    }

    const due = Date.now() - this.#checkpointAt >= CHECKPOINT_AFTER_MS;
    if (!due && wal - this.#checkpointWal < CHECKPOINT_AFTER_WAL_BYTES) return;
    await this.#query('CHECKPOINT');
    this.#checkpointWal = await this.#walBytes();
    this.#checkpointAt = Date.now();
  }

  async #walBytes(): Promise<number> {
    const [row] = await this.#query<{ bytes: number }>("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS bytes");
    return row?.bytes ?? 0;
  }

  #query<Row>(sql: string): Promise<Row[]> {
    return this.#server.runExclusive(() => this.#engine.query<Row>(sql));
  }

  /** False when stopped meanwhile. */
  async #pause(ms: number): Promise<boolean> {
    await sleep(ms, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    return !this.#stopped.signal.aborted;
  }
}
