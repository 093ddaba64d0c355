import { talkBare, talkTo, type Bench } from './bench.ts';
import { PACED } from './clock.ts';
import { percentile } from './figures.ts';
import { ms, type Row } from './table.ts';
import type { TurnTimes } from './turns-task.ts';

const GOALS: Record<number, { p50: number; p95: number }> = { 1: { p50: 5, p95: 20 }, 20: { p50: 8, p95: 20 } };
const TAIL_GOAL_MS = 10;

/** How much later than by the bare SDK the first token comes, and the end, of an answer that takes 215 ms. */
export async function measureLatency(bench: Bench): Promise<Row[]> {
  const { isQuick } = bench.options;
  const rounds = isQuick ? 2 : 8;
  const rows: Row[] = [];
  for (const sessions of [1, 20]) {
    const talk = { sessions, turns: isQuick ? 4 : sessions === 1 ? 12 : 5, content: PACED };
    const bare: TurnTimes[] = [];
    const ours = bench.atriums.map((): TurnTimes[] => []);
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      const isCounted = round > 0;
      const direct = await talkBare(bench, talk);
      if (isCounted) bare.push(...direct.turns);
      for (const [i, atrium] of bench.atriums.entries()) {
        const { turns } = await talkTo(bench, atrium, talk, 'stream');
        if (isCounted) ours[i]?.push(...turns);
      }
    }
    rows.push({ what: `bare SDK, ${sessions} at once: first token`, reached: both(bare, 'first') });
    rows.push({ what: `bare SDK, ${sessions} at once: whole answer`, reached: both(bare, 'total') });
    for (const [i, { label }] of bench.atriums.entries()) rows.push(...rowsOf(label, sessions, ours[i] ?? [], bare));
  }
  return rows;
}

function rowsOf(label: string, sessions: number, ours: TurnTimes[], bare: TurnTimes[]): Row[] {
  const goal = GOALS[sessions] ?? { p50: NaN, p95: NaN };
  const first = added(ours, bare, 'first');
  const total = added(ours, bare, 'total');
  const tails = ours.map(({ tail }) => tail);
  const tail = percentile(tails, 0.5);
  const at = `${label}, ${sessions} at once`;
  return [
    {
      what: `${at}: added to first token`,
      goal: `p50 ≤ ${goal.p50} ms, p95 ≤ ${goal.p95} ms`,
      reached: `p50 ${ms(first.p50)}, p95 ${ms(first.p95)}`,
      ok: first.p50 <= goal.p50 && first.p95 <= goal.p95,
    },
    { what: `${at}: added to whole answer`, reached: `p50 ${ms(total.p50)}, p95 ${ms(total.p95)}` },
    {
      what: `${at}: last token to end of stream`,
      goal: `p50 ≤ ${TAIL_GOAL_MS} ms`,
      reached: `p50 ${ms(tail)}, p95 ${ms(percentile(tails, 0.95))}`,
      ok: tail <= TAIL_GOAL_MS,
    },
  ];
}

/** A percentile of ours less the same one of the bare SDK's. */
function added(ours: TurnTimes[], bare: TurnTimes[], what: 'first' | 'total'): { p50: number; p95: number } {
  const less = (part: number): number => of(ours, what, part) - of(bare, what, part);
  return { p50: less(0.5), p95: less(0.95) };
}

function of(times: TurnTimes[], what: keyof TurnTimes, part: number): number {
  return percentile(
    times.map((time) => time[what]),
    part,
  );
}

function both(times: TurnTimes[], what: 'first' | 'total'): string {
  return `p50 ${ms(of(times, what, 0.5))}, p95 ${ms(of(times, what, 0.95))}`;
}
