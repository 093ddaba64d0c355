import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { percentile } from './figures.ts';
import { rssMb } from './process-stats.ts';
import { megabytes, ms, type Row } from './table.ts';

const START_GOAL_MS = 1_500;
const IDLE_GOAL_MB = 200;
/** Long enough for what a start leaves to do. */
const SETTLE_MS = 3_000;

/** From the start of the process to the first good answer of its readiness, on a database that is there; then its memory. */
export async function measureStart({ options, atriums }: Bench): Promise<Row[]> {
  const times = atriums.map((): number[] => []);
  for (let round = 0, rounds = options.isQuick ? 2 : 7; round < rounds; round++) {
    for (const [i, atrium] of atriums.entries()) {
      await atrium.stop();
      times[i]?.push(await atrium.start());
    }
  }
  await sleep(SETTLE_MS);
  return atriums.flatMap(({ label, pid }, i): Row[] => {
    const start = percentile(times[i] ?? [], 0.5);
    const idle = rssMb(pid);
    return [
      {
        what: `${label}: start on an existing database`,
        goal: `p50 ≤ ${START_GOAL_MS} ms`,
        reached: `p50 ${ms(start)}, slowest ${ms(Math.max(...(times[i] ?? [])))}`,
        ok: start <= START_GOAL_MS,
      },
      {
        what: `${label}: memory when idle`,
        goal: `≤ ${IDLE_GOAL_MB} MB`,
        reached: megabytes(idle),
        ok: idle <= IDLE_GOAL_MB,
      },
    ];
  });
}
