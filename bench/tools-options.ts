import { parseArgs } from 'node:util';
import type { ServerOptions } from './atrium.ts';
import { readStores, type StoreName } from './stores.ts';
import { WAYS, type Way } from './tools-task.ts';

export interface ToolsOptions extends ServerOptions {
  stores: StoreName[];
  ways: Way[];
  isQuick: boolean;
  /** The tables as markdown too. */
  hasMarkdown: boolean;
}

export const TOOLS_USAGE = `npm run bench:tools -- [options]
  --quick               under a minute, to see that it works
  --way <ways>          of ${WAYS.join(', ')}; comma-separated
  --store <store>       pg, embedded or both (the default)
  --markdown            the tables as markdown too
  --log-level <level>   of the measured servers, info unless told
  --cpu-prof <folder>   a CPU profile of each server, for Chrome's developer tools

The same call of the same small tool by a bare client of the MCP SDK and through Atrium, in turn, one call each: in
process (a server in memory; Atrium's is calculator:add), over stdio and over HTTP (bench/tool-server.ts).
  in a run              from the event tool.call to the event tool.result, as the client of the run's stream gets them:
                        the input's schema, the policies of tenant and agent (each with a rule that looks at an argument),
                        hooks (none is set up), time-out, that it begins (stored where the call may not be repeated: not
                        of calculator:add), the call, and its record with the event, committed
  whole step of a run   from the end of the model's answer to the next request to the model: besides, the model's answer
                        is read and stored, and the next request is made and sent
  16 calls of one turn  from the first tool.call to the last tool.result, against 16 calls at once
  POST /mcp/execute     the whole request: besides, token, rate limit, which server and tool it is, the answer
"Added" is a percentile of Atrium's less the same one of the bare client's. The goal is that of p50 on Postgres + Redis.

Postgres and Redis are those of TEST_DATABASE_URL, TEST_MIGRATION_DATABASE_URL and TEST_REDIS_URL, else they are started
by .ci/services, which installs them when it is run by root on Debian.`;

/** @throws Error when there is an option that is none, or a value that does not fit */
export function readToolsOptions(args: string[]): ToolsOptions {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      way: { type: 'string', default: WAYS.join() },
      store: { type: 'string', default: 'both' },
      markdown: { type: 'boolean', default: false },
      'log-level': { type: 'string', default: 'info' },
      'cpu-prof': { type: 'string' },
    },
  });
  const names = values.way.split(',');
  const unknown = names.find((name) => !WAYS.some((way) => way === name));
  if (unknown !== undefined) throw new Error(`--way: there is no way ${unknown}`);
  return {
    ways: WAYS.filter((way) => names.includes(way)),
    stores: readStores(values.store),
    isQuick: values.quick,
    hasMarkdown: values.markdown,
    profiles: values['cpu-prof'] ?? null,
    logLevel: values['log-level'],
  };
}
