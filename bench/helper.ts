import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

interface Reply {
  ready?: string;
  done?: unknown;
  fault?: string;
}

/** A process of the benchmark's own that does one thing at a time, asked for by message. */
export class Helper {
  private readonly file: string;
  private readonly child: ChildProcess;
  /** Where it listens, when it does. */
  readonly url: string;

  private constructor(file: string, child: ChildProcess, url: string) {
    this.file = file;
    this.child = child;
    this.url = url;
  }

  static async start(file: string, environment: Record<string, string> = {}): Promise<Helper> {
    const child = fork(join(import.meta.dirname, file), { env: { ...process.env, ...environment } });
    const { ready = '', fault } = await reply(child, file);
    if (fault) throw new Error(`${file}: ${fault}`);
    return new Helper(file, child, ready);
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  /** @throws Error with what the helper said when it failed, or when it ended */
  async ask<T>(task: object): Promise<T> {
    this.child.send(task);
    const { done, fault } = await reply(this.child, this.file);
    if (fault) throw new Error(`${this.file}: ${fault}`);
    return done as T;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}

/** The helper's side: says that it is there, then answers one task after the other. */
export function serveTasks<Task>(act: (task: Task) => Promise<unknown>): void {
  process.on('message', (task: Task) => {
    act(task).then(
      (done) => process.send?.({ done }),
      (error: unknown) => process.send?.({ fault: error instanceof Error ? error.stack : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: '' });
}

async function reply(child: ChildProcess, file: string): Promise<Reply> {
  const ended = new AbortController();
  const exit = once(child, 'exit', { signal: ended.signal }).then(() => {
    throw new Error(`${file} ended with code ${child.exitCode}`);
  });
  // Only the race below may fail of it.
  exit.catch(() => undefined);
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: ended.signal }), exit])) as [Reply];
    return message;
  } finally {
    ended.abort();
  }
}
