import { talkTo, type Bench } from './bench.ts';
import type { Atrium } from './atrium.ts';
import { INSTANT } from './clock.ts';
import { rssMb } from './process-stats.ts';
import { megabytes, whole, type Row } from './table.ts';

const SESSIONS = 20;
const STEPS = 10;
/** The embedded store is given fewer turns, as each takes longer. */
const EMBEDDED_SHARE = 0.2;
/** How much more than in the first half the second half may show and still be flat. */
const FLAT = 1.1;

/** Resident memory in the course of many turns, in new conversations again and again. */
export async function measureMemory(bench: Bench): Promise<Row[]> {
  const { memoryTurns } = bench.options;
  const series = bench.atriums.map((atrium) => ({
    atrium,
    all: Math.round(atrium.isEmbedded ? memoryTurns * EMBEDDED_SHARE : memoryTurns),
    seen: [] as number[],
    done: 0,
  }));
  for (let step = 0; step < STEPS; step++) {
    for (const one of series) {
      one.done += await turnsOf(bench, one.atrium, one.all / STEPS);
      one.seen.push(rssMb(one.atrium.pid));
    }
  }
  return series.map(({ atrium: { label }, seen, done }) => {
    const half = Math.ceil(STEPS / 2);
    const growth = Math.max(...seen.slice(half)) / Math.max(...seen.slice(0, half));
    return {
      what: `${label}: memory in ${whole(done)} instant turns`,
      goal: `flat: second half ≤ ${Math.round((FLAT - 1) * 100)} % above first`,
      reached: `${seen.map((mb) => mb.toFixed(0)).join(' ')} MB, last ${megabytes(seen.at(-1) ?? NaN)}`,
      ok: growth <= FLAT,
    };
  });
}

/** About as many turns; how many they were. */
async function turnsOf(bench: Bench, atrium: Atrium, wanted: number): Promise<number> {
  const turns = Math.max(1, Math.round(wanted / SESSIONS));
  // A token of the part's start may have ended by now.
  await atrium.login();
  return (await talkTo(bench, atrium, { sessions: SESSIONS, turns, content: INSTANT }, 'stream')).turns.length;
}
