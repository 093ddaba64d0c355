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
/** How long a process lives at most once it is up, and how long after the beginning of its start it is killed. */
const LIFE_MS = 2_500;
const START_MS = 1_500;
const WHILE_STARTING = 0.3;

/** Kills real processes at random points while conversations go on, and says what came of it: see `Fault`. */
export async function crashTest(options: CrashOptions): Promise<CrashResult> {
  const { kills, killsPerRound, conversations, log } = options;
  const store = await createTestStore(options.store === 'embedded' ? 'embedded' : 'given');
  const scene = new Scene(new Random(options.seed), store, ROLES[options.store]);
  let accidents = 0;
  try {
    await scene.start();
    for (let round = 1; scene.kills.length < kills; round++) {
      const count = Math.min(killsPerRound, kills - scene.kills.length);
      const happening = options.services ? accidentsOf(scene, options.services, count) : new Map<number, never>();
      await scene.during(`r${round}`, conversations, () => strike(scene, count, happening));
      accidents += happening.size;
      const { runs, faults } = scene.verdict;
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
    const whileStarting = random.chance(WHILE_STARTING);
    if (!whileStarting) await slot.ready();
    await sleep(random.between(0, whileStarting ? START_MS : LIFE_MS));
    scene.kills.push(await slot.kill());
  }
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
