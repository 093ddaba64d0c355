import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { DATABASE, SUPERUSER } from './worker-protocol.js';
import { queryMessage, startupMessage, syncMessage } from './wire-protocol.js';

/** PGlite signals an ordinary Postgres ERROR by leaving the WASM stack with this exit status. */
const POSTGRES_ERROR_STATUS = 100;

const START_PARAMS = [
  ...PGlite.defaultStartParams,
  ...['-c', 'min_wal_size=32MB', '-c', 'max_wal_size=64MB'],
  // Below what the thread's own stack holds (see STACK_MB), where an overflow would be a trap and not an ERROR.
  ...['-c', 'max_stack_depth=1MB'],
  // Statements may hold secrets; only the reason of a crash is wanted.
  ...['-c', 'log_min_messages=fatal', '-c', 'log_min_error_statement=panic'],
];

/** The one Postgres session there is, in WebAssembly on a folder. Calls must not overlap. */
export class PgliteEngine {
  readonly #db: PGlite;
  /** What Postgres answers to a start-up packet: the same for every client, since all share its session. */
  readonly greeting: Uint8Array;

  private constructor(db: PGlite, greeting: Uint8Array) {
    this.#db = db;
    this.greeting = greeting;
  }

  /** `onFatal` is called when Postgres has panicked or trapped: its memory can't be trusted for one more statement. */
  static async open(folder: string, onFatal: (reason: string) => never): Promise<PgliteEngine> {
    const lastWords: string[] = [];
    const db = new PGlite({
      dataDir: folder,
      relaxedDurability: false,
      extensions: { vector },
      startParams: START_PARAMS,
      onStderr: (line) => {
        if (/\b(FATAL|PANIC): /.test(line)) lastWords.push(line);
        return false;
      },
    });
    try {
      await db.waitReady;
    } catch (error) {
      throw new Error([...lastWords, messageOf(error)].join('; '), { cause: error });
    }

    // PGlite swallows whatever is thrown here and goes on in a loop, damaged memory and all.
    const step = db.Module._PostgresMainLoopOnce;
    db.Module._PostgresMainLoopOnce = () => {
      try {
        step();
      } catch (error) {
        if ((error as { status?: unknown }).status !== POSTGRES_ERROR_STATUS) {
          onFatal(lastWords.at(-1) ?? messageOf(error));
        }
        throw error;
      }
    };

    const greeting = await collect(db, startupMessage({ user: SUPERUSER, database: DATABASE }));
    return new PgliteEngine(db, Buffer.concat(greeting));
  }

  get inTransaction(): boolean {
    return this.#db.isInTransaction();
  }

  /** Runs whole wire messages and gives the answer, in the pieces Postgres wrote. */
  async run(messages: Uint8Array): Promise<Uint8Array[]> {
    return collect(this.#db, messages);
  }

  /** Ends what a client has left behind: an open exchange or transaction, settings, temporary tables, locks. */
  async reset(): Promise<void> {
    await this.run(syncMessage());
    if (this.inTransaction) await this.run(queryMessage('ROLLBACK'));
    // DISCARD ALL resets it only to what a login has set, and here nobody logs in.
    await this.run(queryMessage(`SET SESSION AUTHORIZATION ${SUPERUSER}`));
    await this.run(queryMessage('DISCARD ALL'));
  }

  async query<Row>(sql: string): Promise<Row[]> {
    const { rows } = await this.#db.query<Row>(sql);
    return rows;
  }

  /** Writes a shutdown checkpoint, so that the next start has nothing to recover. */
  async close(): Promise<void> {
    await this.#db.close();
  }
}

async function collect(db: PGlite, messages: Uint8Array): Promise<Uint8Array[]> {
  const answer: Uint8Array[] = [];
  // The pieces are views of WASM memory that the next write reuses.
  await db.execProtocolRawStream(messages, { onRawData: (piece) => answer.push(piece.slice()) });
  return answer;
}

/** Emscripten throws objects that are no Errors. */
export function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return String(message);
}
