import { parseArgs } from 'node:util';
import type { ServerOptions } from './atrium.ts';
import { readStores, type StoreName } from './stores.ts';

export const PARTS = ['start', 'latency', 'turns', 'reads', 'memory'] as const;
export type Part = (typeof PARTS)[number];

export interface Options extends ServerOptions {
  parts: Part[];
  stores: StoreName[];
  isQuick: boolean;
  /** Turns after which memory is looked at last, on Postgres and Redis; a fifth of them on the embedded store. */
  memoryTurns: number;
  /** The table as markdown too. */
  hasMarkdown: boolean;
}

export const USAGE = `npm run bench:run -- [options]
  --quick               about a minute, to see that it works
  --only <parts>        of ${PARTS.join(', ')}; comma-separated
  --store <store>       pg, embedded or both (the default)
  --turns <n>           turns of the memory part, 10000 unless told
  --markdown            the table as markdown too
  --log-level <level>   of the measured servers, info unless told
  --cpu-prof <folder>   a CPU profile of each server, for Chrome's developer tools

Postgres and Redis are those of TEST_DATABASE_URL, TEST_MIGRATION_DATABASE_URL and TEST_REDIS_URL, else they are started
by .ci/services, which installs them when it is run by root on Debian.`;

/** @throws Error when there is an option that is none, or a value that does not fit */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: PARTS.join() },
      store: { type: 'string', default: 'both' },
      turns: { type: 'string' },
      markdown: { type: 'boolean', default: false },
      'log-level': { type: 'string', default: 'info' },
      'cpu-prof': { type: 'string' },
    },
  });
  const memoryTurns = Number(values.turns ?? (values.quick ? 1_000 : 10_000));
  if (!Number.isSafeInteger(memoryTurns) || memoryTurns < 100) throw new Error('--turns must be a number from 100 on');
  const names = values.only.split(',');
  const unknown = names.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw new Error(`--only: there is no part ${unknown}`);
  return {
    parts: PARTS.filter((part) => names.includes(part)),
    stores: readStores(values.store),
    isQuick: values.quick,
    memoryTurns,
    hasMarkdown: values.markdown,
    profiles: values['cpu-prof'] ?? null,
    logLevel: values['log-level'],
  };
}
