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

/** One process after another in the same place, as a supervisor keeps it. */
export class Slot {
  private launched: Launched | null = null;
  private launching: Promise<void> = Promise.resolve();
  private count = 0;
  private isReady = false;
  private isWanted = true;

  constructor(
    readonly name: string,
    private readonly environment: Record<string, string>,
    private readonly store: TestStore,
    /** Told why, when a process ends that nobody has killed. */
    private readonly onFault: (what: string) => void,
  ) {}

  get process(): string {
    return `${this.name}-${this.count}`;
  }

  get isStarting(): boolean {
    return !this.isReady;
  }

  /** Where it answers, if it does. */
  get url(): string | null {
    return this.isReady && this.environment['ROLE'] !== 'worker' ? (this.launched?.url ?? null) : null;
  }

  /** Begins to start a process; whatever ends it, the next one is begun. */
  launch(afterMs = 0): Promise<void> {
    this.launching = sleep(afterMs).then(() => (this.isWanted ? this.begin() : undefined));
    return this.launching;
  }

  /** @throws when it takes longer than a minute */
  async ready(): Promise<void> {
    const end = Date.now() + 60_000;
    while (!this.isReady) {
      if (Date.now() > end) throw new Error(`${this.process} does not start`);
      await sleep(20);
    }
  }

  /** Returns once the next one is being started. */
  async kill(): Promise<Kill> {
    await this.launching;
    const kill = { process: this.process, wasStarting: this.isStarting };
    const { launched } = this;
    this.launched = null;
    const at = Date.now();
    await launched?.kill();
    await this.launch();
    return { ...kill, at };
  }

  /** As an operator restarts it. */
  async restart(): Promise<void> {
    await this.launching;
    const { launched } = this;
    this.launched = null;
    this.isReady = false;
    await launched?.stop();
    await this.launch();
    await this.ready();
  }

  async close(): Promise<void> {
    this.isWanted = false;
    await this.launching;
    const { launched } = this;
    this.launched = null;
    await launched?.kill();
  }

  private async begin(): Promise<void> {
    this.count++;
    this.isReady = false;
    const launched = await launchServer(
      {
        ...this.environment,
        NODE_OPTIONS: `--import ${PRELOAD}`,
        ANTHROPIC_API_KEY: this.process,
        EFFECTS_PROCESS: this.process,
      },
      this.store,
    );
    this.launched = launched;
    launched.ready.then(
      () => (this.isReady = this.launched === launched),
      () => undefined,
    );
    void launched.exited.then(() => this.ended(launched));
  }

  private async ended(launched: Launched): Promise<void> {
    if (this.launched !== launched) return;
    const why = await launched.ready.then(
      () => `${this.process} ended by itself`,
      (error: unknown) => String(error),
    );
    this.launched = null;
    this.onFault(why);
    await this.launch(AGAIN_MS);
  }
}
