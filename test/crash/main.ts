/**
 * `npm run test:crash -- [--kills 100] [--store services|embedded|both] [--conversations 20] [--seed n] [--given]`:
 * see `crashTest`. Postgres and Redis are made for it by `.ci/services`, since they are restarted and flushed; with
 * `--given` those that the TEST_* variables name are used, and left in peace.
 */
import { parseArgs } from 'node:util';
import { OwnServices } from '../own-services.js';
import { crashTest, type CrashResult } from './crash-test.js';
import { LEGEND, table } from './table.js';

const KILLS_PER_ROUND = 20;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    store: { type: 'string', default: 'both' },
    conversations: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    given: { type: 'boolean', default: false },
  },
});
const stores = (['services', 'embedded'] as const).filter((name) => [name, 'both'].includes(values.store));
const [kills, conversations, seed] = [values.kills, values.conversations, values.seed].map(Number);
if (stores.length === 0 || !kills || !conversations || seed === undefined || Number.isNaN(seed))
  throw new Error('--kills, --conversations and --seed are numbers, --store is services, embedded or both');

const log = (line: string): void => void process.stdout.write(`${line}\n`);
log(`seed ${seed}`);
const results = new Map<string, CrashResult>();
for (const store of stores) {
  const name = store === 'services' ? 'Postgres + Redis' : 'embedded';
  const services = store === 'services' && !values.given ? new OwnServices() : null;
  try {
    await services?.start();
    const options = { store, kills, killsPerRound: KILLS_PER_ROUND, conversations, seed, services };
    results.set(name, await crashTest({ ...options, log: (line) => log(`${name}: ${line}`) }));
  } finally {
    await services?.stop();
  }
}
log(`\n${table(results)}\n\n${LEGEND}`);
process.exit([...results.values()].every(({ faults }) => faults.length === 0) ? 0 : 1);
