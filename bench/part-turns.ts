import type { Atrium } from './atrium.ts';
import { talkBare, talkTo, type Bench } from './bench.ts';
import { INSTANT } from './clock.ts';
import { percentile } from './figures.ts';
import { cpuMs } from './process-stats.ts';
import { ms, whole, type Row } from './table.ts';
import type { TurnsResult } from './turns-task.ts';

const SESSIONS = 20;
const GOAL = 320;
/** Each of its turns takes longer. */
const EMBEDDED_SHARE = 0.4;
const WAYS = ['stream', 'wait'] as const;

class Tally {
  private readonly rates: number[] = [];
  private turns = 0;
  private cpu = 0;

  add({ elapsed, turns }: TurnsResult, cpu = 0): void {
    this.rates.push((turns.length * 1000) / elapsed);
    this.turns += turns.length;
    this.cpu += cpu;
  }

  /** Of the median round. */
  get perSecond(): number {
    return percentile(this.rates, 0.5);
  }

  get cpuMs(): number {
    return this.cpu / this.turns;
  }
}

/** Turns a second and processor time of one, 20 conversations at once, with a model that answers instantly. */
export async function measureTurns(bench: Bench): Promise<Row[]> {
  const { isQuick } = bench.options;
  const talk = { sessions: SESSIONS, turns: isQuick ? 10 : 25, content: INSTANT };
  const bare = new Tally();
  const ours = bench.atriums.map((atrium) => ({ atrium, stream: new Tally(), wait: new Tally() }));
  // The first round warms up.
  for (let round = 0, rounds = isQuick ? 2 : 5; round <= rounds; round++) {
    const direct = await talkBare(bench, talk);
    if (round > 0) bare.add(direct);
    for (const { atrium, ...tallies } of ours) {
      for (const by of WAYS) {
        const before = cpuMs(atrium.pid);
        const share = atrium.isEmbedded ? EMBEDDED_SHARE : 1;
        const result = await talkTo(bench, atrium, { ...talk, turns: talk.turns * share }, by);
        if (round > 0) tallies[by].add(result, cpuMs(atrium.pid) - before);
      }
    }
  }
  return [
    { what: 'bare SDK: instant turns', reached: `${whole(bare.perSecond)}/s` },
    ...ours.flatMap(({ atrium, stream, wait }) => rowsOf(atrium, stream, wait)),
  ];
}

function rowsOf({ label }: Atrium, stream: Tally, wait: Tally): Row[] {
  const row = (way: string, { perSecond }: Tally): Row => ({
    what: `${label}: instant turns, ${way}`,
    goal: `≥ ${GOAL}/s`,
    reached: `${whole(perSecond)}/s`,
    ok: perSecond >= GOAL,
  });
  return [
    row('streamed', stream),
    row('waited for', wait),
    {
      what: `${label}: processor time of a turn`,
      reached: `streamed ${ms(stream.cpuMs)}, waited for ${ms(wait.cpuMs)}`,
    },
  ];
}
