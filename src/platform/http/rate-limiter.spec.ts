import { describe, expect, it } from '@jest/globals';
import { TooManyRequests } from '../../contracts/errors.js';
import { Settings } from '../config/settings.js';
import { RateLimiter } from './rate-limiter.js';

function limiter(): RateLimiter {
  const rateLimits = { anonymous: 2, authenticated: 5, premium: 9, login: 1 };
  return new RateLimiter(Object.assign(new Settings(), { rateLimits }), null);
}

describe('A rate limit', () => {
  it('counts down and then refuses, saying when it starts anew', async () => {
    const limits = limiter();
    expect(await limits.consume('anonymous', 'a')).toMatchObject({ limit: 2, remaining: 1, exceeded: false });
    expect(await limits.consume('anonymous', 'a')).toMatchObject({ limit: 2, remaining: 0 });
    const refusal: unknown = await limits.consume('anonymous', 'a').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(TooManyRequests);
    expect((refusal as TooManyRequests).retryAfter).toBeGreaterThan(0);
    expect((refusal as TooManyRequests).retryAfter).toBeLessThanOrEqual(60);
  });

  it('is one for each key and each class', async () => {
    const limits = limiter();
    await limits.consume('login', 'a');
    await expect(limits.consume('login', 'a')).rejects.toThrow(TooManyRequests);
    await limits.consume('login', 'b');
    await limits.consume('anonymous', 'a');
  });

  it('takes several points at once', async () => {
    expect(await limiter().consume('authenticated', 'a', 4)).toMatchObject({ remaining: 1 });
  });
});
