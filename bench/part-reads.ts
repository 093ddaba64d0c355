import type { Bench } from './bench.ts';
import { percentile } from './figures.ts';
import { Helper } from './helper.ts';
import type { RequestsResult, RequestsTask } from './requests-task.ts';
import { ms, whole, type Row } from './table.ts';

const CONNECTIONS = 32;
const SESSIONS = 200;
/** Of the bare route's requests a second, where the number itself is not reached. */
const SHARE = 0.6;

interface Kind {
  what: string;
  method: 'GET' | 'POST';
  expected: number;
  goal: number | null;
  pathsOf: (ids: string[]) => string[];
}

const BASE = '/api/v1/sessions';
const KINDS: Kind[] = [
  {
    what: 'GET /sessions/:id',
    method: 'GET',
    expected: 200,
    goal: 3_500,
    pathsOf: (ids) => ids.map((id) => `${BASE}/${id}`),
  },
  { what: 'GET /sessions?limit=20', method: 'GET', expected: 200, goal: 2_500, pathsOf: () => [`${BASE}?limit=20`] },
  { what: 'POST /sessions', method: 'POST', expected: 201, goal: null, pathsOf: () => [BASE] },
];

interface Target {
  label: string;
  url: string;
  token: string;
  body: object;
  ids: string[];
}

/** Requests a second over 32 connections, against a bare NestJS route on the same Postgres. */
export async function measureReads(bench: Bench): Promise<Row[]> {
  const targets: Target[] = [];
  for (const atrium of bench.atriums) {
    const { label, url, token, newSession: body } = atrium;
    targets.push({ label, url, token, body, ids: await atrium.sessions(SESSIONS) });
  }
  if (!bench.services) return measure(bench, targets, null);
  const nest = await Helper.start('bare-nest.mjs', { BENCH_DATABASE_URL: await bench.services.ownedDatabase() });
  try {
    const bare = { label: 'bare route', url: nest.url, token: '', body: targets[0]?.body ?? {}, ids: [] };
    return await measure(bench, targets, { ...bare, ids: await created(bare) });
  } finally {
    await nest.stop();
  }
}

async function measure(bench: Bench, targets: Target[], bare: Target | null): Promise<Row[]> {
  const { isQuick } = bench.options;
  const rows: Row[] = [];
  for (const kind of KINDS) {
    const runs = [...(bare ? [bare] : []), ...targets].map((target) => ({ target, times: [] as number[], elapsed: 0 }));
    // The first round warms up.
    for (let round = 0, rounds = isQuick ? 2 : 4; round <= rounds; round++) {
      for (const run of runs) {
        const result = await bench.load.ask<RequestsResult>(
          taskOf(kind, run.target, isQuick || round === 0 ? 800 : 3_000),
        );
        if (round === 0) continue;
        run.times.push(...result.times);
        run.elapsed += result.elapsed;
      }
    }
    const rates = runs.map(({ target, times, elapsed }) => ({ target, times, rate: (times.length * 1000) / elapsed }));
    const reference = rates.find(({ target }) => target === bare)?.rate ?? NaN;
    for (const { target, times, rate } of rates) {
      const isBare = target === bare;
      const share = rate / reference;
      const reached = `${whole(rate)}/s, p95 ${ms(percentile(times, 0.95))}`;
      rows.push({
        what: `${target.label}: ${kind.what}`,
        reached: isBare || Number.isNaN(share) ? reached : `${reached}, ${Math.round(share * 100)} % of bare`,
        ...(isBare || kind.goal === null
          ? {}
          : { goal: `≥ ${whole(kind.goal)}/s or 60 % of bare`, ok: rate >= kind.goal || share >= SHARE }),
      });
    }
  }
  return rows;
}

function taskOf(
  { method, expected, pathsOf }: Kind,
  { url, token, body, ids }: Target,
  duration: number,
): RequestsTask {
  const paths = pathsOf(ids);
  const sent = method === 'POST' ? { body } : {};
  return { kind: 'requests', url, token, method, paths, ...sent, expected, connections: CONNECTIONS, ms: duration };
}

/** The bare table is filled as Atrium's is. */
async function created({ url, body }: Target): Promise<string[]> {
  const made = Array.from({ length: SESSIONS }, async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}${BASE}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return ((await response.json()) as { id: string }).id;
  });
  return Promise.all(made);
}
