import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ExternalServiceFailed } from '../../contracts/errors.js';
import { scopeIfAny } from '../access/scope.js';
import { WorkLine } from './work-line.js';

/** The work took more time or memory than it may. */
export class WorkExceeded extends Error {
  constructor(readonly of: 'time' | 'memory') {
    super(`The work took more ${of} than it may`);
  }
}

type Work = (input: never) => unknown;

export interface WorkOptions {
  /** The time a caller waits for its turn does not count. */
  limitMs: number;
  /** `long`: work of seconds, which nothing short is to wait behind. */
  line?: 'short' | 'long';
  signal?: AbortSignal;
}

/**
 * Does work on what others gave us (schemas, patterns, documents) in threads that can be killed, since such input can
 * keep a processor busy for ever or fill the memory. The threads see neither settings nor secrets.
 */
@Injectable()
export class BoundedWork implements OnApplicationShutdown {
  private readonly lines = {
    short: new WorkLine({ threads: 2, mostWaiting: 1_000 }),
    long: new WorkLine({ threads: 1, mostWaiting: 100 }),
  };

  /**
   * The result of the default export of a `*.worker.ts`, named by its compiled name:
   * `run<typeof check>(new URL('./check.worker.js', import.meta.url), input, { limitMs })`. Input and result are copied
   * between threads. Tenants take turns.
   * @throws WorkExceeded, ExternalServiceFailed (503) when too much waits already, the signal's reason, or what the work
   * itself throws
   */
  async run<W extends Work>(
    module: URL,
    input: Parameters<W>[0],
    { limitMs, line = 'short', signal }: WorkOptions,
  ): Promise<Awaited<ReturnType<W>>> {
    const actor = scopeIfAny()?.actor;
    const of = actor && actor.kind !== 'system' ? actor.tenantId : '';
    const outcome = await this.lines[line].do(module, input, { limitMs, of, signal });
    switch (outcome.kind) {
      case 'done':
        return outcome.result as Awaited<ReturnType<W>>;
      case 'exceeded':
        throw new WorkExceeded(outcome.of);
      case 'crowded':
        throw new ExternalServiceFailed('work', 'Too much waits to be looked at, try again shortly', {
          ...{ retryable: true, retryAfter: 10 },
        });
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.lines.short.close(), this.lines.long.close()]);
  }
}
