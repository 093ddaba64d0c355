import type { Socket } from 'node:net';
import type { Pool, PoolClient } from 'pg';
import { DatabaseGone, isConnectionFailure } from './database-errors.js';
import { statementOf, type StatementOptions } from './statement.js';

/** A restart of the database is waited out this long; one that is away for longer is said to be. */
const CONNECT_WITHIN_MS = 8_000;
/** A connection that was answered so lately is taken to be alive, so that its first statement need not wait for BEGIN. */
const FRESH_MS = 1_000;

/** When each connection was last answered, on this process's own clock. */
const answeredAt = new WeakMap<PoolClient, number>();

/** A connection of the pool in the hands of one transaction. Statements sent one after another are answered in order. */
export class Connection {
  private readonly limit: NodeJS.Timeout;
  private gathering = false;

  private constructor(
    readonly client: PoolClient,
    private readonly named: boolean,
    limitMs: number,
  ) {
    this.limit = setTimeout(() => this.cutOff(), limitMs);
    if (answeredAt.has(client)) return;
    answeredAt.set(client, -Infinity);
    // A connection that breaks fails its statements; as an event it concerns nobody, and unheard would end the process.
    client.on('error', () => undefined);
  }

  /** @throws DatabaseGone when there is none in time */
  static async open(pool: Pool, { limitMs, deadline, named }: OpenOptions): Promise<Connection> {
    for (let attempt = 1; ; attempt++) {
      try {
        return new Connection(await pool.connect(), named, limitMs);
      } catch (error) {
        if (!isConnectionFailure(error)) throw error;
        await pauseUntil(deadline, attempt, error);
      }
    }
  }

  get isFresh(): boolean {
    return performance.now() - (answeredAt.get(this.client) ?? -Infinity) < FRESH_MS;
  }

  /** Is under way, behind those before it, when this returns. */
  async query<Row>(text: string, parameters: Record<string, unknown>, options: StatementOptions = {}): Promise<Row[]> {
    this.gather();
    const { rows } = await this.client.query(statementOf(text, parameters, { ...options, named: this.named }));
    return rows as Row[];
  }

  /** Statements without parameters, which may be several. Under way when this returns. */
  command(text: string): Promise<{ command: string }> {
    this.gather();
    const answer = this.client.query(text);
    // Whoever awaits it hears of a failure; nobody may be there yet.
    answer.catch(() => undefined);
    return answer;
  }

  /** What is sent in one go leaves in one system call, the dearest part of a short statement. */
  private gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    const { stream } = wireOf(this.client);
    stream.cork();
    process.nextTick(() => {
      this.gathering = false;
      stream.uncork();
    });
  }

  /** Not `end()`, which waits for what is under way. */
  cutOff(): void {
    wireOf(this.client).stream.destroy();
  }

  /** One whose state is not known must not serve the next request. */
  release(broken: boolean): void {
    clearTimeout(this.limit);
    if (!broken) answeredAt.set(this.client, performance.now());
    this.client.release(broken);
  }
}

interface OpenOptions {
  /** After so long the connection is cut off. */
  limitMs: number;
  /** When to give up, on the clock of `performance.now()`. */
  deadline: number;
  /** Statements are kept prepared on their connection. */
  named: boolean;
}

export function connectDeadline(): number {
  return performance.now() + CONNECT_WITHIN_MS;
}

/** Backs off before another attempt. @throws DatabaseGone when that would be too late */
export async function pauseUntil(deadline: number, attempt: number, cause: unknown): Promise<void> {
  const pauseMs = Math.min(50 * 2 ** attempt, 1000);
  if (performance.now() + pauseMs >= deadline) throw new DatabaseGone(cause);
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}

/** The driver's own connection, which its types leave out. */
function wireOf(client: PoolClient): { stream: Socket } {
  return (client as unknown as { connection: { stream: Socket } }).connection;
}
