import { setTimeout as sleep } from 'node:timers/promises';
import { Given } from '../given.js';
import type { TestStore } from '../test-store.js';
import { Conversation } from './conversations.js';
import { Door } from './door.js';
import { Effects } from './effects.js';
import { Judge, type Fault, type Verdict } from './judge.js';
import type { Random } from './random.js';
import { readBack } from './read-back.js';
import { Slot, type Kill, type Outage } from './slot.js';
import { CountingUpstream } from './upstream.js';

const FINISH_LIMIT_MS = 45_000;

/** Processes on one store, the model and the world outside that they work with, and what has happened to them. */
export class Scene {
  readonly upstream: CountingUpstream;
  readonly effects: Effects;
  readonly slots: Slot[];
  readonly kills: Kill[] = [];
  readonly outages: Outage[] = [];
  readonly verdict: Verdict = { faults: [], runs: 0, repeatedCalls: 0, unknownOutcomes: 0, takeOversMs: [] };
  /** A process that starts while its database is away ends, and is started again. */
  isDatabaseAway = false;

  constructor(
    readonly random: Random,
    store: TestStore,
    /** Of each process. */
    roles: string[],
  ) {
    this.upstream = new CountingUpstream(random.fork());
    this.effects = new Effects(random.fork());
    this.slots = roles.map((role, index) => {
      const onEnd = (what: string): void => {
        if (!this.isDatabaseAway) this.fault('wrong', what);
      };
      return new Slot(`${role}-${index}`, () => this.environment(role), store, onEnd);
    });
  }

  async start(): Promise<void> {
    await this.upstream.fake.start();
    await this.effects.start();
    await Promise.all(this.slots.map((slot) => slot.launch()));
    await this.ready();
  }

  /** Of the model and of tools, so far. */
  get calls(): number {
    return this.upstream.calls + this.effects.calls;
  }

  async ready(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.ready()));
  }

  async close(): Promise<void> {
    for (const slot of this.slots) await slot.close();
    await this.effects.stop();
    await this.upstream.fake.stop();
  }

  /** Conversations of a new tenant go on while `happen` does what it does; then all of it is judged. */
  async during(name: string, count: number, happen: () => Promise<void>): Promise<void> {
    const given = new Given({ url: this.urls()[0] ?? '' });
    const { owner } = await given.tenant();
    const agentId = await given.agentOf(owner.as, {
      model: 'claude-haiku-4-5',
      tools: ['effects:*'],
      permissionPolicy: { default: 'allow' },
    });
    const wrong = (what: string): void => this.fault('wrong', what);
    const door = new Door(() => this.urls(), this.random.fork(), owner.accessToken, wrong);
    const conversations = Array.from(
      { length: count },
      (_, index) => new Conversation(`${name}c${index}`, door, this.random.fork(), { agentId }),
    );
    const going = Promise.all(conversations.map((conversation) => conversation.go()));
    await happen();
    for (const conversation of conversations) conversation.finish();
    await this.ready();
    await Promise.race([going, sleep(FINISH_LIMIT_MS, undefined, { ref: false })]);
    for (const { state } of conversations)
      if (state !== 'over') this.fault('lost', `After ${FINISH_LIMIT_MS} ms a client is still ${state}`);
    await this.judge(door, conversations);
  }

  private async judge(door: Door, conversations: Conversation[]): Promise<void> {
    const judge = new Judge(this.upstream, this.effects, this.kills, this.outages);
    const { stored, faults } = await readBack(door, conversations);
    this.verdict.faults.push(...faults);
    for (const [sent, kept] of stored) judge.judge(sent, kept, this.verdict);
  }

  private environment(role: string): Record<string, string> {
    return { ROLE: role, ANTHROPIC_BASE_URL: this.upstream.fake.url, EFFECTS_URL: this.effects.url };
  }

  private urls(): string[] {
    return this.slots.flatMap(({ url }) => url ?? []);
  }

  private fault(kind: Fault['kind'], what: string): void {
    this.verdict.faults.push({ kind, what });
  }
}
