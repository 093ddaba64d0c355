import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from '@nestjs/common';

interface RepeatedPassOptions {
  /** Pause between passes, give or take a quarter, so that processes don't march in step. */
  everyMs: number;
  /** May answer with another pause before the next pass, in ms. */
  pass: () => Promise<number | undefined>;
  logger: Logger;
}

/** Work done in passes, one at a time: by a timer, and at once when kicked. A failed pass does not end the series. */
export class RepeatedPass {
  private timer: NodeJS.Timeout | undefined;
  private underWay: Promise<void> | null = null;
  private kicks = 0;
  private stopped = false;
  private failing = false;
  /** A kick may come from inside a request; the pass belongs to none. */
  private readonly detached = AsyncLocalStorage.snapshot();

  constructor(private readonly options: RepeatedPassOptions) {}

  start(): void {
    this.schedule(undefined);
  }

  /** A kick during a pass leads to another one: the pass may be past what the kick is about. */
  kick(): void {
    if (this.stopped) return;
    this.kicks++;
    this.underWay ??= this.detached(() => this.run());
  }

  /** No pass begins any more; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.underWay;
  }

  private async run(): Promise<void> {
    let pause: number | undefined;
    let seen: number;
    do {
      seen = this.kicks;
      pause = await this.once();
    } while (seen !== this.kicks && !this.stopped);
    this.underWay = null;
    this.schedule(pause);
  }

  private async once(): Promise<number | undefined> {
    const { logger, pass } = this.options;
    try {
      const pause = await pass();
      if (this.failing) logger.log('Works again');
      this.failing = false;
      return pause;
    } catch (error) {
      if (!this.failing) logger.error({ err: error }, 'Failed, will be tried again');
      this.failing = true;
      return undefined;
    }
  }

  private schedule(pause = this.options.everyMs * (0.75 + Math.random() / 2)): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.kick(), pause).unref();
  }
}
