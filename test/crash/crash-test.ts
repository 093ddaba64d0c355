import { setTimeout as sleep } from 'node:timers/promises';
import { Given } from '../given.js';
import type { OwnServices } from '../own-services.js';
import { createTestStore, type TestStore } from '../test-store.js';
import { Conversation } from './conversations.js';
import { Door } from './door.js';
import { Effects } from './effects.js';
import { Slot, type Kill } from './fleet.js';
import { Judge, type Fault, type Outage, type Verdict } from './judge.js';
import { Random } from './random.js';
import { readBack } from './read-back.js';
import { CountingUpstream } from './upstream.js';

export interface CrashOptions {
  store: 'services' | 'embedded';
  kills: number;
  /** After so many kills everything has to come to its end, and is judged. */
  killsPerRound: number;
  conversations: number;
  /** Decides what is killed when, and what is said; when it comes about depends on the machine. */
  seed: number;
  /** To be flushed and restarted in each round; null leaves those that are given in peace. */
  services: OwnServices | null;
  log?: (line: string) => void;
}

export interface CrashResult extends Verdict {
  runs: number;
  kills: Kill[];
  /** What happened to Postgres and Redis meanwhile. */
  accidents: number;
}

/** How long a process lives at most once it is up, and how long after its start it is killed at the latest. */
const LIFE_MS = 2_500;
const START_MS = 1_500;
const FINISH_LIMIT_MS = 45_000;

/** Kills real processes at random points while conversations go on, and says what came of it. See `Fault`. */
export async function crashTest(options: CrashOptions): Promise<CrashResult> {
  const store = await createTestStore(options.store === 'embedded' ? 'embedded' : 'given');
  const test = new CrashTest(options, store);
  try {
    await test.start();
    return await test.run();
  } finally {
    await test.close();
    await store.drop();
  }
}

class CrashTest {
  private readonly random: Random;
  private readonly upstream: CountingUpstream;
  private readonly effects: Effects;
  private slots: Slot[] = [];
  private readonly kills: Kill[] = [];
  private readonly outages: Outage[] = [];
  private isPostgresAway = false;
  private readonly result: CrashResult;

  constructor(
    private readonly options: CrashOptions,
    private readonly store: TestStore,
  ) {
    this.random = new Random(options.seed);
    this.upstream = new CountingUpstream(this.random.fork());
    this.effects = new Effects(this.random.fork());
    this.result = {
      runs: 0,
      kills: this.kills,
      accidents: 0,
      faults: [],
      repeatedCalls: 0,
      unknownOutcomes: 0,
      takeOversMs: [],
    };
  }

  async start(): Promise<void> {
    await this.upstream.fake.start();
    await this.effects.start();
    const common = { ANTHROPIC_BASE_URL: this.upstream.fake.url, EFFECTS_URL: this.effects.url };
    const roles = this.options.store === 'embedded' ? ['all'] : ['all', 'all', 'worker'];
    const ended = (what: string): void => {
      // A process that starts while its database is away ends, and is started again.
      if (!this.isPostgresAway) this.fault('wrong', what);
    };
    this.slots = roles.map((ROLE, index) => new Slot(`${ROLE}-${index}`, { ...common, ROLE }, this.store, ended));
    await Promise.all(this.slots.map((slot) => slot.launch()));
  }

  async run(): Promise<CrashResult> {
    for (let round = 1; this.kills.length < this.options.kills; round++) {
      await this.round(round, Math.min(this.options.killsPerRound, this.options.kills - this.kills.length));
      const { runs, faults, accidents } = this.result;
      this.options.log?.(
        `round ${round}: ${runs} runs, ${this.kills.length} kills, ${accidents} accidents, ${faults.length} faults`,
      );
    }
    return this.result;
  }

  async close(): Promise<void> {
    for (const slot of this.slots) await slot.close();
    await this.effects.stop();
    await this.upstream.fake.stop();
  }

  private async round(round: number, kills: number): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.ready()));
    const given = new Given({ url: this.urls()[0] ?? '' });
    const { owner } = await given.tenant();
    const model = { model: 'claude-haiku-4-5', tools: ['effects:*'], permissionPolicy: { default: 'allow' } };
    const agentId = await given.agentOf(owner.as, model);
    const wrong = (what: string): void => this.fault('wrong', what);
    const door = new Door(() => this.urls(), this.random.fork(), owner.accessToken, wrong);
    const conversations = Array.from(
      { length: this.options.conversations },
      (_, index) => new Conversation(`r${round}c${index}`, door, this.random.fork(), { agentId }),
    );
    const going = Promise.all(conversations.map((conversation) => conversation.go()));
    await this.strike(kills);
    for (const conversation of conversations) conversation.finish();
    await Promise.all(this.slots.map((slot) => slot.ready()));
    await Promise.race([going, sleep(FINISH_LIMIT_MS, undefined, { ref: false })]);
    for (const { state } of conversations)
      if (state !== 'over') this.fault('lost', `After ${FINISH_LIMIT_MS} ms a client is still ${state}`);
    await this.judge(door, conversations);
  }

  private async strike(kills: number): Promise<void> {
    const accidents = this.options.services ? this.accidents(kills) : new Map<number, () => Promise<void>>();
    for (let kill = 0; kill < kills; kill++) {
      await accidents.get(kill)?.();
      const slot = this.random.pick(this.slots);
      const whileStarting = this.random.chance(0.3);
      if (!whileStarting) await slot.ready();
      await sleep(this.random.between(0, whileStarting ? START_MS : LIFE_MS));
      this.kills.push(await slot.kill());
    }
  }

  /** Before which kill of a round what happens. */
  private accidents(kills: number): Map<number, () => Promise<void>> {
    const { services } = this.options;
    const mode = this.random.pick(['fast', 'immediate'] as const);
    const restart = async (): Promise<void> => {
      const from = Date.now();
      this.isPostgresAway = true;
      await services?.restartPostgres(mode);
      this.isPostgresAway = false;
      this.outages.push({ from, to: Date.now() });
      this.result.accidents++;
    };
    const flush = async (): Promise<void> => {
      await services?.flushRedis();
      this.result.accidents++;
    };
    const when = this.random.between(1, kills - 1);
    return new Map([
      [when, restart],
      [(when + this.random.between(1, kills - 1)) % kills, flush],
    ]);
  }

  private async judge(door: Door, conversations: Conversation[]): Promise<void> {
    const judge = new Judge(this.upstream, this.effects, this.kills, this.outages);
    const { stored, faults } = await readBack(door, conversations);
    this.result.faults.push(...faults);
    for (const [sent, kept] of stored) {
      const verdict = judge.judge(sent, kept);
      this.result.runs++;
      this.result.faults.push(...verdict.faults);
      this.result.repeatedCalls += verdict.repeatedCalls;
      this.result.unknownOutcomes += verdict.unknownOutcomes;
      this.result.takeOversMs.push(...verdict.takeOversMs);
    }
  }

  private urls(): string[] {
    return this.slots.flatMap(({ url }) => url ?? []);
  }

  private fault(kind: Fault['kind'], what: string): void {
    this.result.faults.push({ kind, what });
  }
}
