import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HealthChecks } from './health-checks.js';

const VITAL = { isVital: true };
const HELPFUL = { isVital: false };
const up = () => Promise.resolve();
const down = () => Promise.reject(new Error('away'));

beforeEach(() => {
  jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('The health of the whole', () => {
  it.each([
    ['ok', up, up],
    ['degraded', up, down],
    ['down', down, up],
  ])('is %s', async (status, database, mail) => {
    const checks = new HealthChecks();
    checks.add('database', database, VITAL);
    checks.add('mail', mail, HELPFUL);
    expect((await checks.run()).status).toBe(status);
  });

  it('counts what does not answer as down', async () => {
    const checks = new HealthChecks();
    checks.add('database', () => new Promise(() => undefined), VITAL);
    const health = checks.run();
    await jest.advanceTimersByTimeAsync(2_000);
    expect((await health).checks).toMatchObject({ database: { status: 'down' } });
  });

  it('is asked for once a second, however many ask', async () => {
    const probe = jest.fn(up);
    const checks = new HealthChecks();
    checks.add('database', probe, VITAL);
    await Promise.all([checks.run(), checks.run()]);
    await checks.run();
    expect(probe).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(1_001);
    await checks.run();
    expect(probe).toHaveBeenCalledTimes(2);
  });
});
