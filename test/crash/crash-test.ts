import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnServices } from '../own-services.js';
import { createTestStore } from '../test-store.js';
import type { Verdict } from './judge.js';
import { Random } from './random.js';
import { Scene } from './scene.js';
import type { Kill } from './slot.js';

export interface CrashOptions {
  /** Two processes that do everything and a worker on Postgres and Redis, or the one that the embedded store allows. */
  store: 'services' | 'embedded';
  kills: number;
  /** After so many kills everything has to come to its end, and is judged. */
  killsPerRound: number;
  conversations: number;
  /** Decides what is killed when, and what is said; how that meets depends on the machine. */
  seed: number;
  /** Once in each round Redis is flushed and Postgres restarted; null leaves those that are given in peace. */
  services: OwnServices | null;
  log?: (line: string) => void;
}

export interface CrashResult extends Verdict {
  kills: readonly Kill[];
  /** What happened to Postgres and Redis meanwhile. */
  accidents: number;
}

const ROLES = { services: ['all', 'all', 'worker'], embedded: ['all'] };
/** How long after the beginning of its start a process is killed that is to be killed while it starts, at most. */
const START_MS = 1_500;
const WHILE_STARTING = 0.25;
/** The others are killed after so many calls of the model and of tools at most, or so much time, and a moment. */
const CALLS = 40;
const LIFE_MS = 4_000;
const MOMENT_MS = 400;

/** Kills real processes at random points while conversations go on, and says what came of it: see `Fault`. */
export async function crashTest(options: CrashOptions): Promise<CrashResult> {
  const { kills, killsPerRound, conversations, log } = options;
  const store = await createTestStore(options.store === 'embedded' ? 'embedded' : 'given');
  const scene = new Scene(new Random(options.seed), store, ROLES[options.store]);
  let accidents = 0;
  let told = 0;
  try {
    await scene.start();
    for (let round = 1; scene.kills.length < kills; round++) {
      const count = Math.min(killsPerRound, kills - scene.kills.length);
      const happening = options.services ? accidentsOf(scene, options.services, count) : new Map<number, never>();
      await scene.during(`r${round}`, conversations, () => strike(scene, count, happening));
      accidents += happening.size;
      const { runs, faults } = scene.verdict;
      for (const { kind, what } of faults.slice(told)) log?.(`${kind}: ${what}`);
      told = faults.length;
      log?.(
        `round ${round}: ${runs} runs, ${scene.kills.length} kills, ${accidents} accidents, ${faults.length} faults`,
      );
    }
  } finally {
    await scene.close();
    await store.drop();
  }
  return { ...scene.verdict, kills: scene.kills, accidents };
}

async function strike(scene: Scene, kills: number, accidents: Map<number, () => Promise<void>>): Promise<void> {
  const { random } = scene;
  for (let kill = 0; kill < kills; kill++) {
    await accidents.get(kill)?.();
    const slot = random.pick(scene.slots);
    if (random.chance(WHILE_STARTING)) await sleep(random.between(0, START_MS));
    else {
      await slot.ready();
      await called(scene, random.between(1, CALLS));
      await sleep(random.between(0, MOMENT_MS));
    }
    scene.kills.push(await slot.kill());
  }
}

/** On a slow machine as much has happened by then as on a fast one. */
async function called(scene: Scene, times: number): Promise<void> {
  const enough = scene.calls + times;
  const end = Date.now() + LIFE_MS;
  while (scene.calls < enough && Date.now() < end) await sleep(5);
}

/** Before which of a round's kills what happens. */
function accidentsOf(scene: Scene, services: OwnServices, kills: number): Map<number, () => Promise<void>> {
  const { random } = scene;
  const mode = random.pick(['fast', 'immediate'] as const);
  const restart = async (): Promise<void> => {
    const from = Date.now();
    scene.isDatabaseAway = true;
    await services.restartPostgres(mode);
    scene.isDatabaseAway = false;
    scene.outages.push({ from, to: Date.now() });
  };
  const when = random.between(0, kills - 1);
  const other = (when + random.between(1, kills - 1)) % kills;
  return new Map([
    [when, restart],
    [other, () => services.flushRedis()],
  ]);
}
