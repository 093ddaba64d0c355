import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DATABASE, SOCKET_PORT, STOP, SUPERUSER, type WorkerInput, type WorkerMessage } from './worker-protocol.js';

const STOP_TIMEOUT_MS = 10_000;

/**
 * JSON nests at 154 bytes of stack a level, unseen by Postgres' own depth check: this holds 1.6 million levels (of
 * Node's default of 4 MB some thousand suffice to bring the database down). Address space, used only when needed.
 */
const STACK_MB = 256;

export class DataDirInUse extends Error {
  constructor(dataDir: string) {
    super(`The data folder ${dataDir} is in use by another process; stop that one, or set DATA_DIR to another folder`);
    this.name = 'DataDirInUse';
  }
}

interface EmbeddedPostgresOptions {
  /**
   * The database has ended without being asked to; connections are broken and no new one can be made. By default the
   * process ends too, with the reason as an uncaught error: the next start recovers what was acknowledged.
   */
  onExit?: (reason: Error) => void;
  log?: (line: string) => void;
}

/**
 * Postgres 18 with pgvector in WebAssembly, run in a thread of this process on `<dataDir>/postgres` and reached over a
 * Unix socket that only this user can open. Every client is the superuser, and all of them share one session: a plain
 * SET holds for all, and one open transaction makes the others wait (for 60 s if it idles, then it is ended).
 *
 * What was acknowledged survives a killed process, not a power cut: WebAssembly's file system has no fsync.
 */
export class EmbeddedPostgres {
  /** Folder of the socket, the `host` of a connection. */
  readonly socketDir: string;
  readonly connection: { host: string; port: number; user: string; database: string; ssl: false };
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #stopping = false;

  private constructor(worker: Worker, socketDir: string, onExit: (reason: Error) => void, failed: () => string) {
    this.#worker = worker;
    this.socketDir = socketDir;
    this.connection = { host: socketDir, port: SOCKET_PORT, user: SUPERUSER, database: DATABASE, ssl: false };
    this.#exited = new Promise((resolved) => {
      worker.once('exit', () => {
        resolved();
        if (!this.#stopping) onExit(new Error(`The embedded database has ended: ${failed()}`));
      });
    });
  }

  /** Creates the database where there is none. Throws `DataDirInUse` while another process has it open. */
  static async start(dataDir: string, options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
    const input: WorkerInput = { folder: join(resolve(dataDir), 'postgres'), temporary: tmpdir() };
    const worker = startWorker(input);
    let failure = 'its thread stopped';
    worker.on('error', (error: Error) => (failure = error.message));

    const socketFolder = await new Promise<string>((ready, reject) => {
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') ready(message.socketFolder);
        else if (message.kind === 'in-use') reject(new DataDirInUse(dataDir));
        else if (message.kind === 'log') options.log?.(message.line);
        else failure = message.reason;
      });
      worker.once('exit', () => reject(new Error(`The embedded database in ${dataDir} did not start: ${failure}`)));
    });
    return new EmbeddedPostgres(worker, socketFolder, options.onExit ?? endProcess, () => failure);
  }

  /** Ends open connections, writes everything out, frees the folder. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#worker.postMessage(STOP);
    }
    const overdue = setTimeout(() => void this.#worker.terminate(), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(overdue);
  }
}

function endProcess(reason: Error): never {
  throw reason;
}

function startWorker(input: WorkerInput): Worker {
  const fromSource = import.meta.url.endsWith('.ts');
  const url = new URL(fromSource ? './pglite.worker.ts' : './pglite.worker.js', import.meta.url);
  return new Worker(url, {
    workerData: input,
    resourceLimits: { stackSizeMb: STACK_MB },
    // The process' own flags and secrets are not for it.
    env: {},
    execArgv: fromSource ? ['--import', new URL('../../compute/run-typescript.ts', import.meta.url).href] : [],
  });
}
