import type { Atrium } from './atrium.ts';
import { talkBare, talkTo, type Bench } from './bench.ts';
import { INSTANT } from './clock.ts';
import { cpuMs } from './process-stats.ts';
import { ms, whole, type Row } from './table.ts';

const SESSIONS = 20;
const GOAL = 320;
const WAYS = ['stream', 'wait'] as const;

class Tally {
  turns = 0;
  elapsed = 0;
  cpu = 0;

  get perSecond(): number {
    return (this.turns * 1000) / this.elapsed;
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
    if (round > 0) count(bare, direct);
    for (const { atrium, ...tallies } of ours) {
      for (const by of WAYS) {
        const before = cpuMs(atrium.pid);
        const result = await talkTo(bench, atrium, talk, by);
        if (round > 0) count(tallies[by], result, cpuMs(atrium.pid) - before);
      }
    }
  }
  return [
    { what: 'bare SDK: instant turns', reached: `${whole(bare.perSecond)}/s` },
    ...ours.flatMap(({ atrium, stream, wait }) => rowsOf(atrium, stream, wait)),
  ];
}

function count(tally: Tally, { elapsed, turns }: { elapsed: number; turns: unknown[] }, cpu = 0): void {
  tally.elapsed += elapsed;
  tally.turns += turns.length;
  tally.cpu += cpu;
}

function rowsOf({ label }: Atrium, stream: Tally, wait: Tally): Row[] {
  const row = (way: string, { perSecond }: Tally): Row => ({
    what: `${label}: instant turns, ${way}`,
    goal: `≥ ${GOAL}/s`,
    reached: `${whole(perSecond)}/s`,
    ok: perSecond >= GOAL,
  });
  const each = (tally: Tally): string => ms(tally.cpu / tally.turns);
  return [
    row('streamed', stream),
    row('waited for', wait),
    { what: `${label}: processor time of a turn`, reached: `streamed ${each(stream)}, waited for ${each(wait)}` },
  ];
}
