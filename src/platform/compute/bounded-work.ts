import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import PQueue from 'p-queue';
import { Piscina } from 'piscina';

/** At work at the same time in one process; the rest wait their turn. */
const THREADS = 2;
const IDLE_MS = 30_000;
const MEMORY_MB = 256;

/** The work took more time or memory than it may. */
export class WorkExceeded extends Error {
  constructor(readonly of: 'time' | 'memory') {
    super(`The work took more ${of} than it may`);
  }
}

type Work = (input: never) => unknown;

/**
 * Does work on what others gave us (schemas, patterns, documents) in threads that can be killed, since such input can
 * keep a processor busy for ever or fill the memory. The threads see neither settings nor secrets.
 */
@Injectable()
export class BoundedWork implements OnApplicationShutdown {
  private readonly turns = new PQueue({ concurrency: THREADS });
  private pool: Piscina | undefined;

  /**
   * The result of the default export of a `*.worker.ts`, named by its compiled name:
   * `run<typeof check>(new URL('./check.worker.js', import.meta.url), input, { limitMs })`. Input and result are copied
   * between threads. The time a caller waits for its turn does not count.
   * @throws WorkExceeded, or what the work itself throws
   */
  run<W extends Work>(
    module: URL,
    input: Parameters<W>[0],
    { limitMs }: { limitMs: number },
  ): Promise<Awaited<ReturnType<W>>> {
    return this.turns.add(async () => {
      const signal = AbortSignal.timeout(limitMs);
      try {
        const result: unknown = await this.threads().run(input, { filename: inThisForm(module), signal });
        return result as Awaited<ReturnType<W>>;
      } catch (error) {
        if (signal.aborted) throw new WorkExceeded('time');
        if (isOutOfMemory(error)) throw new WorkExceeded('memory');
        throw error;
      }
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool?.destroy();
  }

  private threads(): Piscina {
    this.pool ??= new Piscina({
      minThreads: 0,
      maxThreads: THREADS,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, maxYoungGenerationSizeMb: MEMORY_MB / 4 },
      env: {},
      execArgv: fromSource ? ['--import', new URL('./run-typescript.ts', import.meta.url).href] : [],
    });
    return this.pool;
  }
}

const fromSource = import.meta.url.endsWith('.ts');

function inThisForm(module: URL): string {
  return fromSource ? module.href.replace(/\.js$/, '.ts') : module.href;
}

function isOutOfMemory(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
