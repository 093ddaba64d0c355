import { Injectable, Logger } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import type { Actor } from '../access/actor.js';
import { currentActor, currentTenantActor } from '../access/scope.js';
import { DatabaseGone, isConnectionFailure } from './database-errors.js';
import { bindNamed } from './named-parameters.js';
import { openTransaction, transactions, type Transaction } from './transaction.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** A restart of the database is waited out this long; one that is away for longer is said to be. */
const CONNECT_WITHIN_MS = 8_000;
/**
 * Longer than any transaction of ours takes. A connection that a network lost without a word would otherwise be waited
 * for as long as TCP tries, a quarter of an hour.
 */
const TRANSACTION_LIMIT_MS = 15_000;

const PING_LIMIT_MS = 2_000;
/** By so much the server is more patient than we. */
const GRACE_MS = 5_000;

interface RunOptions {
  /** After so long the connection is cut off, and with it the transaction. Counts where the transaction is opened. */
  limitMs?: number;
}

/** The only way to the database: every statement runs in a transaction that belongs to one actor. */
@Injectable()
export class Db {
  private readonly logger = new Logger('Db');

  constructor(private readonly dataSource: DataSource) {}

  /**
   * Joins the open transaction or opens one, as the current actor: role and tenant are set for the transaction alone.
   * Throws when the open one belongs to another actor, and DatabaseGone when it does not end in time.
   */
  async run<T>(
    fn: (manager: EntityManager) => Promise<T>,
    { limitMs = TRANSACTION_LIMIT_MS }: RunOptions = {},
  ): Promise<T> {
    const actor = currentActor();
    const outer = openTransaction();
    if (outer) {
      if (outer.actor !== actor) throw new Error('A transaction of another actor is open');
      return fn(outer.manager);
    }
    const connection = await this.begin(actor, limitMs);
    const { runner, client } = connection;
    const transaction: Transaction = { manager: runner.manager, actor, afterCommit: [], ended: false };
    let broken = false;
    let result: T;
    try {
      result = await transactions.run(transaction, () => fn(runner.manager));
      const { command } = await client.query('COMMIT');
      // Postgres answers ROLLBACK when a failed statement was swallowed inside.
      if (command !== 'COMMIT')
        throw new Error('The transaction was rolled back: a failed statement was caught inside');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => (broken = true));
      throw isConnectionFailure(error) ? new DatabaseGone(error) : error;
    } finally {
      transaction.ended = true;
      await release(connection, broken);
    }
    for (const callback of transaction.afterCommit) this.callAfterCommit(callback);
    return result;
  }

  /** Runs `callback` when the open transaction has committed; never when it has not. */
  afterCommit(callback: () => void): void {
    const transaction = openTransaction();
    if (!transaction) throw new Error('No transaction is open');
    transaction.afterCommit.push(callback);
  }

  /**
   * SQL of the current tenant with named parameters (`:name`); it must use `:tenantId`, which is bound here.
   * Returns the rows of a SELECT or RETURNING.
   */
  async sql<Row>(text: string, parameters: Record<string, unknown> = {}): Promise<Row[]> {
    const { tenantId } = currentTenantActor();
    if (!text.includes(':tenantId')) throw new Error('Tenant SQL must name :tenantId');
    return this.query<Row>(text, { ...parameters, tenantId });
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
    const connection = await this.connect();
    let broken = false;
    try {
      const results = (await connection.client.query(
        `SELECT set_config('role','atrium_app',true); SELECT * FROM ${name}(${literal(argument)})`,
      )) as unknown as { rows: Row[] }[];
      return results.at(-1)?.rows ?? [];
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
      broken = true;
      throw new DatabaseGone(error);
    } finally {
      await release(connection, broken);
    }
  }

  /** Outside of the ended transaction's context: what it starts is no part of it. What is done stays done if it fails. */
  private callAfterCommit(callback: () => void): void {
    try {
      transactions.run(null, callback);
    } catch (error) {
      this.logger.error({ err: error }, 'What follows a transaction failed');
    }
  }

  /** Throws when the database does not answer within two seconds. */
  async ping(): Promise<void> {
    const connection = await this.connect(PING_LIMIT_MS, performance.now());
    let broken = true;
    try {
      await connection.client.query('SELECT 1');
      broken = false;
    } finally {
      await release(connection, broken);
    }
  }

  private async query<Row>(text: string, parameters: Record<string, unknown>): Promise<Row[]> {
    const bound = bindNamed(text, parameters);
    return this.run(async (manager) => {
      const result: unknown = await manager.query(bound.text, bound.values);
      return rowsOf<Row>(result);
    });
  }

  /** Until BEGIN has passed nothing was done, so a restart of the database is waited out instead of failing. */
  private async begin(actor: Actor, limitMs: number): Promise<Connection> {
    const set = beginStatement(actor, limitMs);
    const deadline = performance.now() + CONNECT_WITHIN_MS;
    for (let attempt = 1; ; attempt++) {
      const connection = await this.connect(limitMs, deadline);
      try {
        await connection.client.query(set);
        markTransaction(connection.runner, true);
        return connection;
      } catch (error) {
        await release(connection, true);
        if (!isConnectionFailure(error)) throw error;
        await pauseUntil(deadline, attempt, error);
      }
    }
  }

  private async connect(
    limitMs = TRANSACTION_LIMIT_MS,
    deadline = performance.now() + CONNECT_WITHIN_MS,
  ): Promise<Connection> {
    for (let attempt = 1; ; attempt++) {
      const runner = this.dataSource.createQueryRunner();
      try {
        const client = (await runner.connect()) as PoolClient;
        return { runner, client, limit: setTimeout(() => void client.end(), limitMs) };
      } catch (error) {
        await runner.release();
        if (!isConnectionFailure(error)) throw error;
        await pauseUntil(deadline, attempt, error);
      }
    }
  }
}

interface Connection {
  runner: QueryRunner;
  client: PoolClient;
  limit: NodeJS.Timeout;
}

export type LookupFunction = 'atrium_user_by_email' | 'atrium_token_session' | 'atrium_api_key';

/** Also tells the server when to give up a transaction whose client it hears no more of, so that its locks end. */
function beginStatement(actor: Actor, limitMs: number): string {
  const begin = `BEGIN; SELECT set_config('idle_in_transaction_session_timeout','${limitMs + GRACE_MS}',true)`;
  if (actor.kind === 'system') return `${begin}, set_config('role','atrium_system',true)`;
  if (!UUID.test(actor.tenantId)) throw new Error('The tenant id of an actor must be a UUID');
  return `${begin}, set_config('role','atrium_app',true), set_config('app.tenant_id','${actor.tenantId}',true)`;
}

/** The database may run with any `standard_conforming_strings`, so backslashes are escaped explicitly. */
function literal(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "''");
  return ` E'${escaped}'`;
}

async function release({ runner, client, limit }: Connection, broken: boolean): Promise<void> {
  clearTimeout(limit);
  markTransaction(runner, false);
  // The pool drops a client that is ending; one in an unknown state must not serve the next request.
  if (broken) void client.end().catch(() => undefined);
  await runner.release();
}

/** TypeORM has not begun the transaction, but must know of it: it refuses locks outside of one. */
function markTransaction(runner: QueryRunner, isTransactionActive: boolean): void {
  Object.assign(runner, { isTransactionActive });
}

/** Backs off before another attempt. @throws DatabaseGone when that would be too late */
async function pauseUntil(deadline: number, attempt: number, cause: unknown): Promise<void> {
  const pauseMs = Math.min(50 * 2 ** attempt, 1000);
  if (performance.now() + pauseMs >= deadline) throw new DatabaseGone(cause);
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}

function rowsOf<Row>(result: unknown): Row[] {
  // TypeORM answers [rows, count] for UPDATE and DELETE, rows otherwise.
  if (Array.isArray(result) && result.length === 2 && Array.isArray(result[0]) && typeof result[1] === 'number') {
    return result[0] as Row[];
  }
  return result as Row[];
}
