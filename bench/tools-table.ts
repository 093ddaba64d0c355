import { percentile } from './figures.ts';
import type { Latency, Rate } from './part-tools.ts';
import { whole } from './table.ts';

/** Of an added p50, on Postgres + Redis. */
const GOAL_MS = 3;

export const LATENCY_HEAD = ['p50, p95 in ms', 'bare SDK', 'Atrium', 'added', 'goal', ''];
export const RATE_HEAD = ['calls a second', 'bare SDK', 'Atrium', 'of bare', 'processor time of a call'];

export function latencyCells(at: string, { what, bare, atrium, hasGoal }: Latency, isJudged: boolean): string[] {
  const [ofBare, ofAtrium] = [both(bare), both(atrium)];
  const added = { p50: ofAtrium.p50 - ofBare.p50, p95: ofAtrium.p95 - ofBare.p95 };
  const judged = hasGoal && isJudged ? [`p50 ≤ ${GOAL_MS}`, added.p50 <= GOAL_MS ? 'ok' : 'missed'] : ['', ''];
  return [`${at}: ${what}`, shown(ofBare), shown(ofAtrium), shown(added), ...judged];
}

export function rateCells(at: string, { what, bare, atrium, cpu }: Rate): string[] {
  return [
    `${at}: ${what}`,
    whole(bare),
    whole(atrium),
    `${((atrium / bare) * 100).toFixed(1)} %`,
    `${cpu.toFixed(2)} ms`,
  ];
}

interface Both {
  p50: number;
  p95: number;
}

function both(times: number[]): Both {
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95) };
}

function shown({ p50, p95 }: Both): string {
  return `${p50.toFixed(2)}, ${p95.toFixed(2)}`;
}
