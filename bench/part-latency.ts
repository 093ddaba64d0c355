import { talkBare, talkTo, type Bench } from './bench.ts';
import { INSTANT, PACED } from './clock.ts';
import { percentile } from './figures.ts';
import { ms, type Row } from './table.ts';
import type { TurnTimes } from './turns-task.ts';

const GOALS: Record<number, { p50: number; p95: number }> = { 1: { p50: 5, p95: 20 }, 20: { p50: 8, p95: 20 } };
const TAIL_GOAL_MS = 10;
/** Of the paced answer. */
const ANSWER_MS = 215;
/** At one conversation alone nothing gets warm while it is measured, as a server in use is. */
const WARM_UP = { sessions: 10, turns: 60, content: INSTANT };

/** One conversation; twenty that begin in turn, as those of different people do; twenty at the same moment. */
const CROWDS = [
  { sessions: 1, spreadMs: 0, name: '1 at once' },
  { sessions: 20, spreadMs: ANSWER_MS, name: '20 at once' },
  { sessions: 20, spreadMs: 0, name: '20 in step' },
];

/** How much later than by the bare SDK the first token comes, and the end, of an answer that takes 215 ms. */
export async function measureLatency(bench: Bench): Promise<Row[]> {
  const { isQuick } = bench.options;
  const rounds = isQuick ? 2 : 8;
  const rows: Row[] = [];
  await talkBare(bench, WARM_UP);
  for (const atrium of bench.atriums) await talkTo(bench, atrium, WARM_UP, 'stream');
  for (const { sessions, spreadMs, name } of CROWDS) {
    const talk = { sessions, spreadMs, turns: isQuick ? 4 : sessions === 1 ? 12 : 5, content: PACED };
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
    rows.push({ what: `bare SDK, ${name}: first token`, reached: both(bare, 'first') });
    rows.push({ what: `bare SDK, ${name}: whole answer`, reached: both(bare, 'total') });
    const goal = GOALS[sessions] ?? { p50: NaN, p95: NaN };
    for (const [i, { label }] of bench.atriums.entries()) {
      rows.push(...rowsOf(`${label}, ${name}`, goal, ours[i] ?? [], bare));
    }
  }
  return rows;
}

function rowsOf(at: string, goal: { p50: number; p95: number }, ours: TurnTimes[], bare: TurnTimes[]): Row[] {
  const first = added(ours, bare, 'first');
  const total = added(ours, bare, 'total');
  const tails = ours.map(({ tail }) => tail);
  const tail = percentile(tails, 0.5);
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
