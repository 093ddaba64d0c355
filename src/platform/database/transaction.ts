import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../access/actor.js';
import type { Connection } from './connection.js';

/** The transaction that is open on this path of execution. */
export interface Transaction {
  readonly connection: Connection;
  readonly actor: Actor;
  readonly afterCommit: (() => void)[];
  /** Made when it is first asked for. */
  manager: EntityManager | null;
  /** The answer to its COMMIT or ROLLBACK, once that was sent: perhaps behind the last statement, without waiting for it. */
  commit: Promise<{ command: string }> | null;
  /** Calls of `Db.run` under way that joined it. */
  inner: number;
  /** Set when it has ended, so that a forgotten promise can't use its connection. */
  ended: boolean;
}

export const transactions = new AsyncLocalStorage<Transaction | null>();

export function openTransaction(): Transaction | null {
  const transaction = transactions.getStore() ?? null;
  if (transaction?.ended) throw new Error('The transaction has ended: a promise inside it was not awaited');
  return transaction;
}
