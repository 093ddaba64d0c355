import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Actor } from '../access/actor.js';
import { runAs } from '../access/scope.js';
import { IdempotencyRepository } from './idempotency.repository.js';

const FIRST_MS = 60_000;
const EVERY_MS = 3_600_000;

/** Deletes idempotency keys that nobody can use any more. */
@Injectable()
export class IdempotencySweeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(IdempotencySweeper.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly keys: IdempotencyRepository) {}

  onApplicationBootstrap(): void {
    this.sweepIn(FIRST_MS);
  }

  onApplicationShutdown(): void {
    clearTimeout(this.timer);
  }

  private sweepIn(waitMs: number): void {
    this.timer = setTimeout(() => void this.sweep(), waitMs).unref();
  }

  private async sweep(): Promise<void> {
    try {
      await runAs(Actor.system('expired idempotency keys'), () => this.keys.deleteExpired());
    } catch (error) {
      this.logger.warn(error);
    }
    this.sweepIn(EVERY_MS);
  }
}
