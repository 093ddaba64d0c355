import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import PQueue from 'p-queue';
import { Piscina } from 'piscina';
import { TimedOut } from '../../contracts/errors.js';

const IDLE_MS = 30_000;
/** Of a thread's own heap, and apart from it of the buffers it holds outside, which Node does not limit. */
const MEMORY_MB = 256;
const LOOK_EVERY_MS = 50;

export interface LineOptions {
  threads: number;
  /** Of one tenant, waiting or at work. */
  mostOfOne: number;
  /** Of all, so that what waits does not fill the memory. */
  mostWaiting: number;
}

export interface WorkTicket {
  limitMs: number;
  /** Whose work it is: nobody's first comes behind another's tenth. */
  of: string;
  /** Is never crowded out. */
  patient: boolean;
  signal?: AbortSignal;
}

export type WorkOutcome =
  { kind: 'done'; result: unknown } | { kind: 'exceeded'; of: 'time' | 'memory' } | { kind: 'crowded' };

/** Some threads, and who waits for them. */
export class WorkLine {
  private readonly turns: PQueue;
  private readonly waitingOf = new Map<string, number>();
  private pool: Piscina | undefined;
  private readonly logger = new Logger('Work');

  constructor(private readonly options: LineOptions) {
    this.turns = new PQueue({ concurrency: options.threads });
  }

  /** @throws the signal's reason, what the work or its input throws, TimedOut for an input that does not come */
  async do(module: URL, input: () => unknown, { limitMs, of, patient, signal }: WorkTicket): Promise<WorkOutcome> {
    const { mostOfOne, mostWaiting } = this.options;
    const ahead = this.waitingOf.get(of) ?? 0;
    if (!patient && (ahead >= mostOfOne || this.turns.size >= mostWaiting)) return { kind: 'crowded' };
    this.waitingOf.set(of, ahead + 1);
    try {
      const turn = async () => this.begin(module, await inTime(input, limitMs), limitMs, signal);
      return await this.turns.add(turn, { priority: -ahead, signal });
    } finally {
      const left = (this.waitingOf.get(of) ?? 1) - 1;
      if (left > 0) this.waitingOf.set(of, left);
      else this.waitingOf.delete(of);
    }
  }

  /** Whether anything of theirs waits or is at work. */
  has(of: string): boolean {
    return this.waitingOf.has(of);
  }

  /** What waits or is at work. */
  get load(): number {
    return this.turns.size + this.turns.pending;
  }

  async close(): Promise<void> {
    await this.pool?.destroy();
  }

  private async begin(module: URL, input: unknown, limitMs: number, signal?: AbortSignal): Promise<WorkOutcome> {
    const time = AbortSignal.timeout(limitMs);
    const memory = new AbortController();
    const watch = setInterval(() => void this.look(memory), LOOK_EVERY_MS);
    const ends = AbortSignal.any([time, memory.signal, ...(signal ? [signal] : [])]);
    try {
      const result: unknown = await this.threads().run(input, { filename: inThisForm(module), signal: ends });
      return { kind: 'done', result };
    } catch (error) {
      signal?.throwIfAborted();
      if (memory.signal.aborted || isOutOfMemory(error)) return { kind: 'exceeded', of: 'memory' };
      if (time.aborted) return { kind: 'exceeded', of: 'time' };
      throw error;
    } finally {
      clearInterval(watch);
    }
  }

  /** Of several threads it is not known whose work holds the buffers, so that all of it ends. */
  private async look(memory: AbortController): Promise<void> {
    for (const thread of this.threads().threads) {
      const held = await thread.getHeapStatistics().catch(() => null);
      if (held && held.external_memory > MEMORY_MB * 1024 * 1024) memory.abort();
    }
  }

  private threads(): Piscina {
    this.pool ??= this.newPool();
    return this.pool;
  }

  private newPool(): Piscina {
    const pool = new Piscina({
      minThreads: 0,
      maxThreads: this.options.threads,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, maxYoungGenerationSizeMb: MEMORY_MB / 4 },
      env: {},
      execArgv: fromSource ? ['--import', new URL('./run-typescript.ts', import.meta.url).href] : [],
    });
    // Of a thread whose work was given up already, and which fills its memory before it is ended: without a listener it
    // would end the process.
    pool.on('error', (error: unknown) => this.logger.warn({ err: error }, 'A thread ended by itself'));
    return pool;
  }
}

/** A thread that waits for what never comes would be lost to all others. */
async function inTime(input: () => unknown, limitMs: number): Promise<unknown> {
  const come = new AbortController();
  const late = pause(limitMs, undefined, { signal: come.signal }).then(() => {
    throw new TimedOut('What was to be worked on could not be read in time');
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([input(), late]);
  } finally {
    come.abort();
  }
}

const fromSource = import.meta.url.endsWith('.ts');

function inThisForm(module: URL): string {
  return fromSource ? module.href.replace(/\.js$/, '.ts') : module.href;
}

/** Also of an error from another realm. */
function isOutOfMemory(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
