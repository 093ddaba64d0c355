import { createServer, type Server } from 'node:net';
import type { PgliteEngine } from './pglite-engine.js';
import { WireConnection } from './wire-connection.js';

/** How long a transaction may sit idle while others wait for it. */
const IDLE_IN_TRANSACTION_MS = 60_000;

/**
 * Many clients on one Postgres session. A client that has begun a transaction, or is in the middle of an extended
 * query, owns the session until it is through, and only whole exchanges are run: otherwise one client's Bind would
 * meet another's Parse.
 */
export class WireServer {
  readonly #engine: PgliteEngine;
  readonly #onFault: (error: unknown) => never;
  readonly #server: Server;
  readonly #connections = new Set<WireConnection>();
  /** Those with exchanges to run, first come first served. */
  readonly #waiting = new Set<WireConnection>();
  readonly #chores: (() => Promise<void>)[] = [];
  readonly #watchdog: NodeJS.Timeout;
  #owner: WireConnection | undefined;
  #ownerActiveAt = 0;
  #running = false;

  constructor(engine: PgliteEngine, onFault: (error: unknown) => never) {
    this.#engine = engine;
    this.#onFault = onFault;
    this.#server = createServer((socket) => {
      const connection = new WireConnection(socket, {
        greeting: engine.greeting,
        onWork: (it) => this.#enqueue(it),
        onClose: (it) => this.#forget(it),
      });
      this.#connections.add(connection);
    });
    this.#watchdog = setInterval(() => this.#evictIdleOwner(), IDLE_IN_TRANSACTION_MS / 12);
  }

  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      // Later faults concern a client that could not be accepted, and show there.
      this.#server.on('error', reject);
      this.#server.listen(path, resolve);
    });
  }

  /** Runs once the session is free, ahead of waiting clients. */
  runExclusive<T>(chore: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#chores.push(() => chore().then(resolve, reject));
      this.#wake();
    });
  }

  /** Open transactions are rolled back. Also removes the socket file. */
  async stop(): Promise<void> {
    clearInterval(this.#watchdog);
    this.#server.close();
    for (const connection of this.#connections) {
      connection.refuse('57P01', 'terminating connection due to administrator command');
    }
    await this.runExclusive(async () => {});
  }

  #enqueue(connection: WireConnection): void {
    this.#waiting.add(connection);
    this.#wake();
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => {
      this.#work().then(
        () => {
          this.#running = false;
          if (this.#next()) this.#wake();
        },
        (error: unknown) => this.#onFault(error),
      );
    });
  }

  /** One step, so that sockets are served between two of them. */
  async #work(): Promise<void> {
    const next = this.#next();
    if (next instanceof WireConnection) await this.#runExchange(next);
    else if (next) await this.#chores.shift()?.();
  }

  #next(): WireConnection | (() => Promise<void>) | undefined {
    if (!this.#owner) return this.#chores[0] ?? this.#waiting.values().next().value;
    return this.#waiting.has(this.#owner) ? this.#owner : undefined;
  }

  async #runExchange(connection: WireConnection): Promise<void> {
    const exchange = connection.takeExchange();
    // To the end of the queue.
    this.#waiting.delete(connection);
    if (connection.hasWork) this.#waiting.add(connection);
    if (!exchange) return;
    this.#owner = connection;
    this.#ownerActiveAt = Date.now();
    connection.send(await this.#engine.run(exchange.bytes));
    if (exchange.ends === 'complete' && !this.#engine.inTransaction) this.#owner = undefined;
  }

  #forget(connection: WireConnection): void {
    this.#connections.delete(connection);
    this.#waiting.delete(connection);
    if (this.#owner === connection) this.#owner = undefined;
    this.#chores.unshift(() => this.#engine.reset());
    this.#wake();
  }

  #evictIdleOwner(): void {
    const othersWait = this.#waiting.size > 0 || this.#chores.length > 0;
    if (this.#owner && othersWait && Date.now() - this.#ownerActiveAt >= IDLE_IN_TRANSACTION_MS) {
      this.#owner.refuse('25P03', 'terminating connection due to idle-in-transaction timeout');
    }
  }
}
