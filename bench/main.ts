/** The benchmark: `npm run bench:run -- --help`. Ends with 0 whatever was reached, and otherwise only if something broke. */
import { Atrium } from './atrium.ts';
import type { Bench } from './bench.ts';
import { now } from './clock.ts';
import { Helper } from './helper.ts';
import { machine } from './machine.ts';
import { readOptions, USAGE, type Options, type Part } from './options.ts';
import { measureLatency } from './part-latency.ts';
import { measureMemory } from './part-memory.ts';
import { measureReads } from './part-reads.ts';
import { measureStart } from './part-start.ts';
import { measureTurns } from './part-turns.ts';
import { Services } from './stores.ts';
import { markdownTable, plainTable, type Row } from './table.ts';

const MEASURE: Record<Part, (bench: Bench) => Promise<Row[]>> = {
  start: measureStart,
  latency: measureLatency,
  turns: measureTurns,
  reads: measureReads,
  memory: measureMemory,
};

const closing: (() => Promise<void>)[] = [];
let closed: Promise<void> | null = null;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => void closeAll().finally(() => process.exit(code)));
}

const args = process.argv.slice(2);
if (args.includes('--help')) say(USAGE);
else await run(optionsOrExit()).finally(closeAll);

async function run(options: Options): Promise<void> {
  const begin = now();
  const services = options.stores.includes('pg') ? openServices() : null;
  const where = machine((await services?.describe()) ?? null);
  const upstream = await helper('upstream.ts');
  const atriums: Atrium[] = [];
  const start = async (label: string, store: Record<string, string>): Promise<void> => {
    const atrium = new Atrium(label, store, upstream.url, options);
    closing.push(() => atrium.close());
    await atrium.start();
    await atrium.open();
    atriums.push(atrium);
  };
  if (services) await start('Postgres + Redis', await services.environment());
  if (!services || options.stores.includes('embedded')) await start('embedded', {});
  const [load, sdk] = [await helper('load.ts'), await helper('sdk-client.ts')];
  const rows: Row[] = [];
  for (const part of options.parts) {
    say(`${part} … (at ${Math.round((now() - begin) / 1000)} s)`);
    for (const atrium of atriums) await atrium.login();
    rows.push(...(await MEASURE[part]({ options, services, upstream, load, sdk, atriums })));
  }
  say(`\nTook ${Math.round((now() - begin) / 1000)} s on: ${where}\n\n${plainTable(rows)}`);
  if (options.hasMarkdown) say(`\n${where}\n\n${markdownTable(rows)}`);
}

function optionsOrExit(): Options {
  try {
    return readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    return process.exit(1);
  }
}

function openServices(): Services | null {
  const services = Services.open();
  if (services) closing.push(() => services.close());
  else say('Postgres and Redis are not to be had here, so the embedded store is measured alone.');
  return services;
}

async function helper(file: string): Promise<Helper> {
  const started = await Helper.start(file);
  closing.push(() => started.stop());
  return started;
}

/** What was opened last goes first. Whoever calls it again waits for the same. */
function closeAll(): Promise<void> {
  return (closed ??= (async () => {
    for (const close of closing.reverse()) await close();
  })());
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
