import { describe, expect, it } from '@jest/globals';
import { Retry, pause } from './retry.js';

const retry = new Retry({ maxAttempts: 4, initialDelayMs: 100, maxDelayMs: 300, maxRetryAfterMs: 60_000 });

describe('Retry', () => {
  it('grows its waits with jitter up to the longest, and ends after the last attempt', () => {
    const attempts = retry.start();
    const waits = [attempts.afterFailure(), attempts.afterFailure(), attempts.afterFailure(), attempts.afterFailure()];
    for (const [index, [low, high]] of [
      [50, 100],
      [100, 200],
      [150, 300],
    ].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(low ?? NaN);
      expect(waits[index]).toBeLessThanOrEqual(high ?? NaN);
    }
    expect(waits[3]).toBeUndefined();
  });

  it('never waits less than it was asked to', () => {
    expect(retry.start().afterFailure(60_000)).toBe(60_000);
  });

  it('gives up when asked to wait too long', () => {
    expect(retry.start().afterFailure(60_001)).toBeUndefined();
  });
});

describe('pause', () => {
  it("ends with the signal's own reason", async () => {
    const reason = new Error('cancelled');
    const controller = new AbortController();
    const waiting = pause(60_000, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it('does not begin when the signal is aborted already', async () => {
    await expect(pause(60_000, AbortSignal.abort('gone'))).rejects.toBe('gone');
  });
});
