import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ExternalServiceFailed } from '../../contracts/errors.js';
import { scopeIfAny } from '../access/scope.js';
import { WorkLine } from './work-line.js';
import { WorkLines } from './work-lines.js';

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
  /**
   * `long`: work of seconds, which nothing short is to wait behind. `documents`: of what nobody waits for, a tenant's
   * one after the other.
   */
  line?: 'short' | 'long' | 'documents';
  /** Waits for its turn however much is in line; for work that is few at a time by itself, as that of runs is. */
  patient?: boolean;
  signal?: AbortSignal;
}

/**
 * Does work on what others gave us (schemas, patterns, documents) in threads that can be killed, since such input can
 * keep a processor busy for ever or fill the memory. The threads see neither settings nor secrets.
 */
@Injectable()
export class BoundedWork implements OnApplicationShutdown {
  private readonly lines = {
    short: new WorkLine({ threads: 2, mostOfOne: 100, mostWaiting: 2_000 }),
    long: new WorkLine({ threads: 1, mostOfOne: 30, mostWaiting: 1_000 }),
    documents: new WorkLines(2, { threads: 1, mostOfOne: 30, mostWaiting: 1_000 }),
  };

  /**
   * The result of the default export of a `*.worker.ts`, named by its compiled name:
   * `run<typeof check>(new URL('./check.worker.js', import.meta.url), input, { limitMs })`. Input and result are copied
   * between threads; an input that is large is better given as a function, which is called when its turn has come.
   * Tenants take turns.
   * @throws WorkExceeded, ExternalServiceFailed (503) when too much of the tenant waits already, the signal's reason, or
   * what the work itself or such a function throws
   */
  async run<W extends Work>(
    module: URL,
    input: Parameters<W>[0] | (() => Promise<Parameters<W>[0]>),
    { limitMs, line = 'short', patient = false, signal }: WorkOptions,
  ): Promise<Awaited<ReturnType<W>>> {
    const actor = scopeIfAny()?.actor;
    const of = actor && actor.kind !== 'system' ? actor.tenantId : '';
    const given = typeof input === 'function' ? (input as () => unknown) : () => input;
    const outcome = await this.lines[line].do(module, given, { limitMs, of, patient, signal });
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
    await Promise.all(Object.values(this.lines).map((line) => line.close()));
  }
}
