import { Injectable, Logger } from '@nestjs/common';
import type { Pool } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import type { Actor } from '../access/actor.js';
import { currentActor, currentTenantActor } from '../access/scope.js';
import { Settings } from '../config/settings.js';
import { connectDeadline, Connection, pauseUntil } from './connection.js';
import { DatabaseGone, isConnectionFailure } from './database-errors.js';
import type { StatementOptions } from './statement.js';
import { openTransaction, transactions, type Transaction } from './transaction.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/**
 * Longer than any transaction of ours takes. A connection that a network lost without a word would otherwise be waited
 * for as long as TCP tries, a quarter of an hour.
 */
const TRANSACTION_LIMIT_MS = 15_000;

const PING_LIMIT_MS = 2_000;
/** By so much the server is more patient than we. */
const GRACE_MS = 5_000;

/** Statements that change nothing and take no lock; whatever becomes of one, it can be sent again. */
const READS = /^\s*SELECT\b(?![\s\S]*\bFOR (NO KEY |KEY )?(UPDATE|SHARE)\b)/i;

interface RunOptions {
  /** After so long the connection is cut off, and with it the transaction. Counts where the transaction is opened. */
  limitMs?: number;
  /** All its statements read what the first one found committed; it writes nothing. Counts where it is opened. */
  asOfOneMoment?: boolean;
  /** Aborted, it cuts the connection off like the limit. Counts where the transaction is opened. */
  signal?: AbortSignal;
}

/**
 * The only way to the database: every statement runs in a transaction that belongs to one actor. Statements are sent as
 * they are made, without waiting for those before them; inside a transaction, what does not need an answer to go on
 * should not await it, but collect it: `await Promise.all([db.sql(…), db.sql(…)])` is one round trip.
 */
@Injectable()
export class Db {
  private readonly logger = new Logger('Db');
  private readonly pool: Pool;
  private readonly named: boolean;

  constructor(
    private readonly dataSource: DataSource,
    settings: Settings,
  ) {
    this.pool = (dataSource.driver as PostgresDriver).master as Pool;
    this.named = settings.database.url !== null;
  }

  /**
   * Joins the open transaction or opens one, as the current actor: role and tenant are set for the transaction alone.
   * Throws when the open one belongs to another actor, and DatabaseGone when it does not end in time.
   */
  async run<T>(
    fn: () => Promise<T>,
    { limitMs = TRANSACTION_LIMIT_MS, asOfOneMoment = false, signal }: RunOptions = {},
  ): Promise<T> {
    const actor = currentActor();
    const open = joined(actor);
    if (open) return insideOf(open, fn);
    signal?.throwIfAborted();
    const connection = await this.begin(beginStatement(actor, limitMs, asOfOneMoment), limitMs);
    const leave = () => connection.cutOff();
    signal?.addEventListener('abort', leave, { once: true });
    if (signal?.aborted) leave();
    const transaction: Transaction = {
      ...{ connection, actor, afterCommit: [], manager: null, commit: null, inner: 0, ended: false },
    };
    let broken = false;
    let ended: string | undefined;
    try {
      const result = await transactions.run(transaction, fn);
      ended = (await (transaction.commit ??= connection.command('COMMIT'))).command;
      // Postgres answers ROLLBACK when a failed statement was swallowed inside.
      if (ended !== 'COMMIT') throw new Error('The transaction was rolled back: a failed statement was caught inside');
      return result;
    } catch (error) {
      const ending = (transaction.commit ??= connection.command('ROLLBACK'));
      ended = await ending.then(({ command }) => command).catch(() => void (broken = true));
      throw isConnectionFailure(error) ? new DatabaseGone(error) : error;
    } finally {
      transaction.ended = true;
      signal?.removeEventListener('abort', leave);
      connection.release(broken);
      // What has committed is told, also where its caller failed after its COMMIT was sent.
      if (ended === 'COMMIT') for (const callback of transaction.afterCommit) this.callAfterCommit(callback);
    }
  }

  /** Runs `callback` when the open transaction has committed; never when it has not. */
  afterCommit(callback: () => void): void {
    const transaction = openTransaction();
    if (!transaction) throw new Error('No transaction is open');
    transaction.afterCommit.push(callback);
  }

  /**
   * Sends the COMMIT of the open transaction now, behind the statements that were sent, which saves a round trip. It
   * becomes a rollback when one of them fails. None may follow.
   */
  commitNow(): void {
    const transaction = stillOpen(openTransaction());
    transaction.commit = transaction.connection.command('COMMIT');
  }

  /** As `commitNow`, but where `run` joined a transaction, whose opener goes on with it, nothing is done. */
  commitNowIfOutermost(): void {
    if (stillOpen(openTransaction()).inner === 0) this.commitNow();
  }

  /** TypeORM's manager in the open transaction. */
  get manager(): EntityManager {
    const transaction = stillOpen(openTransaction());
    transaction.manager ??= this.managerOn(transaction.connection);
    return transaction.manager;
  }

  /**
   * SQL of the current tenant with named parameters (`:name`); it must use `:tenantId`, which is bound here.
   * Returns the rows of a SELECT or RETURNING.
   */
  async sql<Row>(text: string, parameters: Record<string, unknown> = {}, options?: StatementOptions): Promise<Row[]> {
    const { tenantId } = currentTenantActor();
    if (!text.includes(':tenantId')) throw new Error('Tenant SQL must name :tenantId');
    return this.query<Row>(text, { ...parameters, tenantId }, options);
  }

  /** SQL of a system actor, with named parameters; the tenant, if any, is the statement's own business. */
  async systemSql<Row>(text: string, parameters: Record<string, unknown> = {}): Promise<Row[]> {
    if (currentActor().kind !== 'system') throw new Error('Only a system actor may leave the tenant');
    return this.query<Row>(text, parameters);
  }

  /**
   * One of the look-ups that work before the tenant is known, in one round trip. `name` is a function of ours,
   * `argument` goes in as a literal, because the simple protocol that sends both statements at once binds nothing.
   */
  async lookup<Row>(name: LookupFunction, argument: string): Promise<Row[]> {
    const text = `SELECT set_config('role','atrium_app',true); SELECT * FROM ${name}(${literal(argument)})`;
    return this.onceSent(TRANSACTION_LIMIT_MS, async (connection) => {
      const results = (await connection.command(text)) as unknown as { rows: Row[] }[];
      return results.at(-1)?.rows ?? [];
    });
  }

  /** Throws when the database does not answer within two seconds. */
  async ping(): Promise<void> {
    await this.onceSent(PING_LIMIT_MS, (connection) => connection.command('SELECT 1'), performance.now());
  }

  private query<Row>(text: string, parameters: Record<string, unknown>, options?: StatementOptions): Promise<Row[]> {
    const actor = currentActor();
    const open = joined(actor);
    if (open) return stillOpen(open).connection.query<Row>(text, parameters, options);
    if (READS.test(text)) return this.read<Row>(actor, text, parameters, options);
    return this.run(() => this.query<Row>(text, parameters, options));
  }

  /** A transaction of one statement that changes nothing, in one round trip. */
  private read<Row>(
    actor: Actor,
    text: string,
    parameters: Record<string, unknown>,
    options?: StatementOptions,
  ): Promise<Row[]> {
    return this.onceSent(TRANSACTION_LIMIT_MS, async (connection) => {
      const begun = connection.command(beginStatement(actor, TRANSACTION_LIMIT_MS));
      const rows = connection.query<Row>(text, parameters, options);
      const ended = connection.command('COMMIT');
      const [answer] = await Promise.allSettled([rows, begun, ended]);
      // If BEGIN failed, so may the statement have, for want of a role: the first cause counts.
      await begun;
      if (answer.status === 'rejected') throw answer.reason;
      await ended;
      return answer.value;
    });
  }

  /** What changes nothing is sent again while the database restarts. */
  private async onceSent<T>(
    limitMs: number,
    send: (connection: Connection) => Promise<T>,
    deadline = connectDeadline(),
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const connection = await Connection.open(this.pool, { limitMs, deadline, named: this.named });
      try {
        const result = await send(connection);
        connection.release(false);
        return result;
      } catch (error) {
        const broken = isConnectionFailure(error);
        connection.release(broken);
        if (!broken) throw error;
        await pauseUntil(deadline, attempt, error);
      }
    }
  }

  /** Until BEGIN has passed nothing was done, so a restart of the database is waited out instead of failing. */
  private async begin(statement: string, limitMs: number): Promise<Connection> {
    const deadline = connectDeadline();
    for (let attempt = 1; ; attempt++) {
      const connection = await Connection.open(this.pool, { limitMs, deadline, named: this.named });
      const begun = connection.command(statement);
      // One that has just been answered is trusted: the first statement goes out behind BEGIN.
      if (connection.isFresh) return connection;
      try {
        await begun;
        return connection;
      } catch (error) {
        connection.release(true);
        if (!isConnectionFailure(error)) throw error;
        await pauseUntil(deadline, attempt, error);
      }
    }
  }

  /** TypeORM works on the connection it is given, and takes the transaction, which it has not begun, for granted. */
  private managerOn({ client }: Connection): EntityManager {
    const runner = this.dataSource.createQueryRunner();
    return Object.assign(runner, { databaseConnection: client, isTransactionActive: true }).manager;
  }

  /** Outside of the ended transaction's context: what it starts is no part of it. What is done stays done if it fails. */
  private callAfterCommit(callback: () => void): void {
    try {
      transactions.run(null, callback);
    } catch (error) {
      this.logger.error({ err: error }, 'What follows a transaction failed');
    }
  }
}

/** One whose COMMIT or ROLLBACK was sent takes nothing more: it would be carried out outside of it, as whoever logged in. */
function stillOpen(open: Transaction | null): Transaction {
  if (!open) throw new Error('No transaction is open');
  if (open.commit) throw new Error('This transaction is ending, and takes no statement any more');
  return open;
}

async function insideOf<T>(open: Transaction, fn: () => Promise<T>): Promise<T> {
  open.inner++;
  try {
    return await fn();
  } finally {
    open.inner--;
  }
}

/** The open transaction, which has to be this actor's. */
function joined(actor: Actor): Transaction | null {
  const open = openTransaction();
  if (open && open.actor !== actor) throw new Error('A transaction of another actor is open');
  return open;
}

export type LookupFunction =
  'atrium_user_by_email' | 'atrium_token_session' | 'atrium_api_key' | 'atrium_one_time_code';

/**
 * Also tells the server when to give up a transaction whose client it hears no more of, so that locks and work end; and not
 * to compile statements, which takes 20 to 200 ms where the planner takes one to be dear, and none of ours is.
 */
function beginStatement(actor: Actor, limitMs: number, asOfOneMoment = false): string {
  const serverLimit = limitMs + GRACE_MS;
  const begin =
    `BEGIN${asOfOneMoment ? ' ISOLATION LEVEL REPEATABLE READ READ ONLY' : ''}; SELECT set_config('idle_in_transaction_session_timeout','${serverLimit}',true), ` +
    `set_config('statement_timeout','${serverLimit}',true), set_config('jit','off',true)`;
  if (actor.kind === 'system') return `${begin}, set_config('role','atrium_system',true)`;
  if (!UUID.test(actor.tenantId)) throw new Error('The tenant id of an actor must be a UUID');
  return `${begin}, set_config('role','atrium_app',true), set_config('app.tenant_id','${actor.tenantId}',true)`;
}

/** The database may run with any `standard_conforming_strings`, so backslashes are escaped explicitly. */
function literal(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "''");
  return ` E'${escaped}'`;
}
