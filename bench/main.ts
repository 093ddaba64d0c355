/** The benchmark: `npm run bench:run -- --help`. Ends with 0 whatever was reached, and otherwise only if something broke. */
import type { Bench } from './bench.ts';
import { now } from './clock.ts';
import { machine } from './machine.ts';
import { closeAll, closeOnSignals, openAtriums, openHelper, openServices, optionsOrExit, say } from './opened.ts';
import { readOptions, USAGE, type Options, type Part } from './options.ts';
import { measureLatency } from './part-latency.ts';
import { measureMemory } from './part-memory.ts';
import { measureReads } from './part-reads.ts';
import { measureStart } from './part-start.ts';
import { measureTurns } from './part-turns.ts';
import { markdownTable, plainTable, type Row } from './table.ts';

const MEASURE: Record<Part, (bench: Bench) => Promise<Row[]>> = {
  start: measureStart,
  latency: measureLatency,
  turns: measureTurns,
  reads: measureReads,
  memory: measureMemory,
};

closeOnSignals();
const args = process.argv.slice(2);
if (args.includes('--help')) say(USAGE);
else await run(optionsOrExit(() => readOptions(args), USAGE)).finally(closeAll);

async function run(options: Options): Promise<void> {
  const begin = now();
  const services = openServices(options.stores);
  const where = machine((await services?.describe()) ?? null);
  const upstream = await openHelper('upstream.ts');
  const atriums = await openAtriums(options.stores, services, { ANTHROPIC_BASE_URL: upstream.url }, options);
  const [load, sdk] = [await openHelper('load.ts'), await openHelper('sdk-client.ts')];
  const rows: Row[] = [];
  for (const part of options.parts) {
    say(`${part} … (at ${Math.round((now() - begin) / 1000)} s)`);
    for (const atrium of atriums) await atrium.login();
    rows.push(...(await MEASURE[part]({ options, services, upstream, load, sdk, atriums })));
  }
  say(`\nTook ${Math.round((now() - begin) / 1000)} s on: ${where}\n\n${plainTable(rows)}`);
  if (options.hasMarkdown) say(`\n${where}\n\n${markdownTable(rows)}`);
}
