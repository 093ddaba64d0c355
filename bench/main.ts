/** The benchmark: `npm run bench:run -- --help`. Ends with 0 whatever was reached, and otherwise only if something broke. */
import { Atrium } from './atrium.ts';
import type { Bench } from './bench.ts';
import { Helper } from './helper.ts';
import { machine } from './machine.ts';
import { readOptions, USAGE, type Options, type Part } from './options.ts';
import { measureLatency } from './part-latency.ts';
import { measureReads } from './part-reads.ts';
import { measureTurns } from './part-turns.ts';
import { Services } from './stores.ts';
import { markdownTable, plainTable, type Row } from './table.ts';

const MEASURE: Partial<Record<Part, (bench: Bench) => Promise<Row[]>>> = {
  latency: measureLatency,
  turns: measureTurns,
  reads: measureReads,
};

const args = process.argv.slice(2);
if (args.includes('--help')) say(USAGE);
else await run(readOptions(args));

async function run(options: Options): Promise<void> {
  const closing: (() => Promise<void>)[] = [];
  const begin = Date.now();
  try {
    const services = options.stores.includes('pg') ? await Services.open() : null;
    if (services) closing.push(() => services.close());
    else if (options.stores.includes('pg')) say('Postgres and Redis are not to be had here: the embedded store alone.');
    const [upstream, load, sdk] = await helpers(closing);
    const atriums: Atrium[] = [];
    const make = (label: string, store: Record<string, string>): void => {
      const atrium = new Atrium(label, store, upstream.url, options);
      closing.push(() => atrium.close());
      atriums.push(atrium);
    };
    if (services) make('Postgres + Redis', await services.environment());
    if (options.stores.includes('embedded')) make('embedded', {});
    const bench = { options, services, upstream, load, sdk, atriums };
    for (const atrium of atriums) {
      await atrium.start();
      await atrium.open();
    }
    const rows: Row[] = [];
    for (const part of options.parts) {
      say(`${part} (at ${Math.round((Date.now() - begin) / 1000)} s)`);
      for (const atrium of atriums) await atrium.login();
      rows.push(...((await MEASURE[part]?.(bench)) ?? []));
    }
    const where = machine(services?.description ?? null);
    say(`\n${where}\n\n${plainTable(rows)}`);
    if (options.hasMarkdown) say(`\n${where}\n\n${markdownTable(rows)}`);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function helpers(closing: (() => Promise<void>)[]): Promise<[Helper, Helper, Helper]> {
  const start = async (file: string): Promise<Helper> => {
    const helper = await Helper.start(file);
    closing.push(() => helper.stop());
    return helper;
  };
  return [await start('upstream.ts'), await start('load.ts'), await start('sdk-client.ts')];
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
