import { expect, it } from '@jest/globals';
import { crashTest } from './crash/crash-test.js';
import { OwnServices } from './own-services.js';

// The short form of `npm run test:crash`, which tells what each kind of fault is.
const store = process.env['TEST_REDIS_URL'] === undefined ? 'embedded' : 'services';
/** Postgres and Redis are restarted too where others can be made than those that all tests share. */
const canStartMore = store === 'services' && process.env['SERVICES_DIR'] !== undefined;
const KILLS = 5;

it('Processes that are killed at random points lose nothing and do nothing twice', async () => {
  const services = canStartMore ? new OwnServices() : null;
  const seed = Date.now() % 1_000_000;
  try {
    await services?.start();
    const options = { store, kills: KILLS, killsPerRound: KILLS, conversations: 8, seed, services } as const;
    const { faults, kills, runs, accidents } = await crashTest(options);
    expect({ seed, faults }).toEqual({ seed, faults: [] });
    expect({ kills: kills.length, accidents }).toEqual({ kills: KILLS, accidents: canStartMore ? 2 : 0 });
    expect(runs).toBeGreaterThanOrEqual(8);
  } finally {
    await services?.stop();
  }
}, 180_000);
