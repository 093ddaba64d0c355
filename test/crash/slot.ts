import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { launchServer, type Launched } from '../server.js';
import type { TestStore } from '../test-store.js';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'effects-preload.mjs')).href;
const AGAIN_MS = 300;

export interface Kill {
  process: string;
  /** Milliseconds since 1970. */
  at: number;
  wasStarting: boolean;
}

/** A time in which processes may lose hold of their runs without being killed. */
export interface Outage {
  from: number;
  to: number;
}

/** One process after another in the same place, as a supervisor keeps it. */
export class Slot {
  private launched: Launched | null = null;
  private last: Promise<unknown> = Promise.resolve();
  private count = 0;
  private isReady = false;

  constructor(
    readonly name: string,
    private readonly environment: () => Record<string, string>,
    private readonly store: TestStore,
    /** Told why, when a process ends that nobody has killed. */
    private readonly onEnd: (what: string) => void,
  ) {}

  get process(): string {
    return `${this.name}-${this.count}`;
  }

  get isStarting(): boolean {
    return !this.isReady;
  }

  /** Where it answers, if it does. */
  get url(): string | null {
    return this.isReady && this.environment()['ROLE'] !== 'worker' ? (this.launched?.url ?? null) : null;
  }

  /** Begins to start a process; whatever ends it, the next one is begun. */
  launch(): Promise<void> {
    return this.inTurn(() => this.begin());
  }

  /** @throws when it takes longer than two minutes */
  async ready(): Promise<void> {
    const end = Date.now() + 120_000;
    while (!this.isReady) {
      if (Date.now() > end) throw new Error(`${this.process} does not start`);
      await sleep(20);
    }
  }

  /** Returns once the next one is being started. */
  kill(): Promise<Kill> {
    return this.inTurn(async () => {
      const kill = { process: this.process, wasStarting: this.isStarting, at: Date.now() };
      await this.leave()?.kill();
      await this.begin();
      return kill;
    });
  }

  /** As an operator restarts it; clients come to it until it is gone. */
  async restart(): Promise<void> {
    await this.inTurn(async () => {
      await this.launched?.stop();
      this.leave();
      await this.begin();
    });
    await this.ready();
  }

  close(): Promise<void> {
    return this.inTurn(async () => this.leave()?.kill());
  }

  private async begin(): Promise<void> {
    this.count++;
    const launched = await launchServer(
      {
        ...this.environment(),
        NODE_OPTIONS: `--import ${PRELOAD}`,
        ANTHROPIC_API_KEY: this.process,
        EFFECTS_PROCESS: this.process,
      },
      // It is not the process's to drop.
      { ...this.store, drop: () => Promise.resolve() },
    );
    this.launched = launched;
    launched.ready.then(
      () => (this.isReady = this.launched === launched),
      () => undefined,
    );
    void launched.exited.then(() => this.inTurn(() => this.ended(launched)));
  }

  /** Whatever becomes of it from now on is no surprise. */
  private leave(): Launched | null {
    const { launched } = this;
    this.launched = null;
    this.isReady = false;
    return launched;
  }

  private async ended(launched: Launched): Promise<void> {
    if (this.launched !== launched) return;
    const why = await launched.ready.then(
      () => `${this.process} ended by itself`,
      (error: unknown) => String(error),
    );
    this.leave();
    this.onEnd(why);
    await sleep(AGAIN_MS);
    await this.begin();
  }

  /** So that there is one process at a time. */
  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.last.then(act);
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
