import { Injectable, Logger } from '@nestjs/common';

export interface CheckResult {
  status: 'ok' | 'down';
  latencyMs: number;
}

export interface Health {
  /** `down` when something is down without which no request can be served, `degraded` when something else is. */
  status: 'ok' | 'degraded' | 'down';
  checks: Record<string, CheckResult>;
}

interface Check {
  probe: () => Promise<unknown>;
  isVital: boolean;
}

const TIMEOUT_MS = 2_000;
const CACHE_MS = 1_000;

/** What this process depends on; each topic that has such a thing adds its own check. */
@Injectable()
export class HealthChecks {
  private readonly logger = new Logger(HealthChecks.name);
  private readonly checks = new Map<string, Check>();
  private last: { at: number; health: Promise<Health> } | null = null;

  /** `probe` rejects when the dependency can't be used. Without a vital one the process is not ready. */
  add(name: string, probe: () => Promise<unknown>, options: { isVital: boolean }): void {
    this.checks.set(name, { probe, isVital: options.isVital });
  }

  /** At most one round of checks a second, however many ask. */
  async run(): Promise<Health> {
    if (!this.last || performance.now() - this.last.at > CACHE_MS) {
      this.last = { at: performance.now(), health: this.runAll() };
    }
    return this.last.health;
  }

  private async runAll(): Promise<Health> {
    const entries = [...this.checks];
    const results = await Promise.all(entries.map(([name, { probe }]) => this.runOne(name, probe)));
    const down = entries.filter((_entry, index) => results[index]?.status === 'down').map(([, check]) => check);
    const status = down.length === 0 ? 'ok' : down.some(({ isVital }) => isVital) ? 'down' : 'degraded';
    return {
      status,
      checks: Object.fromEntries(entries.map(([name], index) => [name, results[index] as CheckResult])),
    };
  }

  private async runOne(name: string, probe: () => Promise<unknown>): Promise<CheckResult> {
    const startedAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    });
    try {
      await Promise.race([probe(), timeout]);
      return { status: 'ok', latencyMs: Math.round(performance.now() - startedAt) };
    } catch (error) {
      this.logger.warn({ check: name, err: error }, 'A dependency is down');
      return { status: 'down', latencyMs: Math.round(performance.now() - startedAt) };
    } finally {
      clearTimeout(timer);
    }
  }
}
