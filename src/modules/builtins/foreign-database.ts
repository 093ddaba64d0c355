import type pg from 'pg';
import type { GuardedNames } from '../../platform/egress/guarded-names.js';
import type { DatabaseUrl } from './database-url.js';
import { ForeignConnection } from './foreign-connection.js';
import { QueryFailed } from './query-failed.js';

const STATEMENT_TIMEOUT_MS = 30_000;
const LOCK_TIMEOUT_MS = 5_000;
const MOST_ROWS = 1_000;
const ROWS_AT_ONCE = 100;
/** Of rows as JSON. */
const MOST_RESULT_BYTES = 1024 * 1024;

/** The driver's types do not know it: prepared first, a text of several statements is refused by the server. */
interface ExtendedQuery extends pg.QueryConfig {
  queryMode: 'extended';
}

export interface ForeignRows {
  readonly columns: string[];
  readonly rows: unknown[][];
  readonly truncated: boolean;
}

const BOOL = 16;
const NUMBERS = new Set([21, 23, 26, 700, 701]);
const JSONS = new Set([114, 3802]);

/** A query could end them for what follows in its transaction, so they are set again for each part of it. */
const LIMITS = `SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS};
  SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS};
  SET LOCAL idle_in_transaction_session_timeout = ${2 * STATEMENT_TIMEOUT_MS}`;

const FETCH: pg.QueryArrayConfig = {
  text: `FETCH FORWARD ${ROWS_AT_ONCE} FROM asked`,
  rowMode: 'array',
  types: { getTypeParser: parserOf },
};

/**
 * One read-only transaction in a database that a tenant named, which nothing sent to it can leave: the query is the body
 * of a cursor's declaration, so that it is a query and a single one, whatever it says.
 */
export class ForeignDatabase {
  private constructor(private readonly client: pg.Client) {}

  /** @throws AddressRefused, QueryFailed, and errors of the driver */
  static async read<T>(
    url: DatabaseUrl,
    names: GuardedNames,
    signal: AbortSignal,
    use: (database: ForeignDatabase) => Promise<T>,
  ): Promise<T> {
    const connection = await ForeignConnection.open(url, names);
    const cancel = (): void => connection.cancel(new Error('Nobody waits for it any more'));
    signal.addEventListener('abort', cancel);
    try {
      signal.throwIfAborted();
      const database = new ForeignDatabase(connection.client);
      await database.begin();
      return await use(database);
    } finally {
      signal.removeEventListener('abort', cancel);
      // Ends the transaction too.
      connection.close();
    }
  }

  /** Of a query that was written by others. */
  async rows(sql: string): Promise<ForeignRows> {
    if (sql.includes('\0')) throw new QueryFailed('A query must not hold a NUL');
    const declaration: ExtendedQuery = { text: `DECLARE asked NO SCROLL CURSOR FOR ${sql}`, queryMode: 'extended' };
    await this.client.query(declaration);
    const rows: unknown[][] = [];
    for (let bytes = 0; ;) {
      await this.client.query(LIMITS);
      const batch = await this.client.query<unknown[]>(FETCH);
      const columns = batch.fields.map(({ name }) => name);
      for (const row of batch.rows) {
        bytes += Buffer.byteLength(JSON.stringify(row));
        if (rows.length === MOST_ROWS || bytes > MOST_RESULT_BYTES) return { columns, rows, truncated: true };
        rows.push(row);
      }
      if (batch.rows.length < ROWS_AT_ONCE) return { columns, rows, truncated: false };
    }
  }

  /** Of a query of ours. */
  async own<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.client.query<Row>(text, values)).rows;
  }

  private async begin(): Promise<void> {
    await this.client.query(`BEGIN TRANSACTION READ ONLY; ${LIMITS}`);
    // In the system's catalog, which every login reads and no name, alias, replica or search path stands in front of.
    // Having asked, the transaction has a snapshot, with which Postgres lets nobody make it read-write any more.
    const [found] = await this.own<{ isAtrium: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = 'atrium_tenant_table') AS "isAtrium"`,
    );
    if (found?.isAtrium !== false) throw new QueryFailed("This is a database of Atrium's own, which is not queried");
  }
}

/** Texts as they are for all that JSON has no exact value for, such as `bigint`, `numeric` and times. */
function parserOf(oid: number): (text: string) => unknown {
  if (oid === BOOL) return (text) => text === 't';
  if (NUMBERS.has(oid)) return (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
  if (JSONS.has(oid)) return (text) => JSON.parse(text) as unknown;
  return (text) => text;
}
