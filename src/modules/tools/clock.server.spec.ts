import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { callBuiltin } from '../../../test/call-builtin.js';
import { ClockServer } from './clock.server.js';

const clock = new ClockServer();

beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-03-29T00:59:59.500Z') });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('ClockServer', () => {
  it.each([
    [{}, 'UTC', /29 March 2026.* 00:59:59 UTC/],
    [{ timezone: 'Europe/Berlin' }, 'Europe/Berlin', /01:59:59 (CET|GMT\+1)/],
    [{ timezone: 'America/New_York' }, 'America/New_York', /28 March 2026.* 20:59:59/],
    [{ timezone: 'Asia/Kathmandu' }, 'Asia/Kathmandu', /06:44:59/],
  ])('tells the time in %p', async (input, timezone, local) => {
    const { isError, output } = await callBuiltin(clock, 'now', input);
    expect(isError).toBe(false);
    const told = JSON.parse(output) as Record<string, string>;
    expect(told).toMatchObject({ utc: '2026-03-29T00:59:59.500Z', timezone });
    expect(told['local']).toMatch(local);
  });

  it('knows when the clocks are changed', async () => {
    jest.setSystemTime(new Date('2026-03-29T01:00:00Z'));
    const { output } = await callBuiltin(clock, 'now', { timezone: 'Europe/Berlin' });
    expect(output).toMatch(/03:00:00/);
  });

  it.each(['Europe/Atlantis', '', 'x'.repeat(64), 'Europe/Berlin; DROP'])(
    'answers an unknown zone (%p) with an error the model can read',
    async (timezone) => {
      expect(await callBuiltin(clock, 'now', { timezone })).toEqual({
        isError: true,
        output: `Unknown timezone ${timezone}`,
      });
    },
  );
});
