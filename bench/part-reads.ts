import type { Bench } from './bench.ts';
import { percentile } from './figures.ts';
import { Helper } from './helper.ts';
import type { RequestsResult, RequestsTask } from './requests-task.ts';
import { cpuMs } from './process-stats.ts';
import { ms, whole, type Row } from './table.ts';

const CONNECTIONS = 32;
const SESSIONS = 200;
/** Of the bare route's requests a second, where the number itself is not reached. */
const SHARE = 0.6;
const LONG_MS = 3_000;
const SHORT_MS = 800;

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
  pid: number;
  body: object;
  ids: string[];
}

/** What one server did in the rounds that count. */
interface Run {
  target: Target;
  /** Requests a second, round by round. */
  rates: number[];
  /** Of each request, in ms. */
  times: number[];
  cpu: number;
}

/** Requests a second over 32 connections, against a bare NestJS route on the same Postgres. */
export async function measureReads(bench: Bench): Promise<Row[]> {
  const targets: Target[] = [];
  for (const atrium of bench.atriums) {
    const { label, url, token, pid, newSession: body } = atrium;
    targets.push({ label, url, token, pid, body, ids: await atrium.sessions(SESSIONS) });
  }
  if (!bench.services) return measure(bench, targets, null);
  const nest = await Helper.start('bare-nest.mjs', { BENCH_DATABASE_URL: await bench.services.ownedDatabase() });
  try {
    const { url, pid } = nest;
    const bare = { label: 'bare route', url, pid, token: '', body: targets[0]?.body ?? {}, ids: [] };
    return await measure(bench, targets, { ...bare, ids: await created(bare) });
  } finally {
    await nest.stop();
  }
}

async function measure(bench: Bench, targets: Target[], bare: Target | null): Promise<Row[]> {
  const rows: Row[] = [];
  for (const kind of KINDS) {
    const runs = [...(bare ? [bare] : []), ...targets].map((target): Run => ({ target, rates: [], times: [], cpu: 0 }));
    await rounds(bench, kind, runs);
    const reference = runs.find(({ target }) => target === bare);
    for (const run of runs) rows.push(run === reference ? bareRow(kind, run) : rowOf(kind, run, reference));
  }
  return rows;
}

async function rounds({ options, load }: Bench, kind: Kind, runs: Run[]): Promise<void> {
  // The first round warms up.
  for (let round = 0, last = options.isQuick ? 2 : 4; round <= last; round++) {
    for (const run of runs) {
      const before = cpuMs(run.target.pid);
      const task = taskOf(kind, run.target, options.isQuick || round === 0 ? SHORT_MS : LONG_MS);
      const { times, elapsed } = await load.ask<RequestsResult>(task);
      if (round === 0) continue;
      run.cpu += cpuMs(run.target.pid) - before;
      run.rates.push((times.length * 1000) / elapsed);
      run.times.push(...times);
    }
  }
}

function bareRow({ what }: Kind, run: Run): Row {
  return { what: `${run.target.label}: ${what}`, reached: speed(run) };
}

function rowOf(kind: Kind, run: Run, reference: Run | undefined): Row {
  const share = reference ? shareOf(run, reference) : NaN;
  const rate = percentile(run.rates, 0.5);
  return {
    what: `${run.target.label}: ${kind.what}`,
    reached: reference ? `${speed(run)}, ${Math.round(share * 100)} % of bare` : speed(run),
    ...(kind.goal === null
      ? {}
      : { goal: `≥ ${whole(kind.goal)}/s or 60 % of bare`, ok: rate >= kind.goal || share >= SHARE }),
  };
}

/** Each round is compared with the other's at about the same time, and the median counts. */
function shareOf(run: Run, reference: Run): number {
  const shares = run.rates.map((rate, round) => rate / (reference.rates[round] ?? NaN));
  return percentile(shares, 0.5);
}

function speed({ rates, times, cpu }: Run): string {
  const each = (cpu / times.length).toFixed(2);
  return `${whole(percentile(rates, 0.5))}/s, p95 ${ms(percentile(times, 0.95))}, ${each} ms processor time`;
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
async function created({ url, body }: Pick<Target, 'url' | 'body'>): Promise<string[]> {
  const made = Array.from({ length: SESSIONS }, async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}${BASE}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return ((await response.json()) as { id: string }).id;
  });
  return Promise.all(made);
}
