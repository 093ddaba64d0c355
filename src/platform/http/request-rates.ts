import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { RateClass } from '../access/access.decorator.js';
import type { Authenticated } from '../access/authenticator.js';
import { addressKey } from './address-key.js';
import { RateLimiter, tooManyRequests, type LimitClass } from './rate-limiter.js';

/** Probes come from the platform, often and all from one address. */
const UNLIMITED = /^\/(health|metrics)(\/|$)/;

/** The rate limits of HTTP requests: known callers count by user or API key, all others by address. */
@Injectable()
export class RequestRates {
  constructor(private readonly limiter: RateLimiter) {}

  /** Also sets the `RateLimit-*` headers. @throws TooManyRequests */
  async consume(request: Request, response: Response, known: Authenticated | null, rate: RateClass): Promise<void> {
    if (UNLIMITED.test(request.path)) return;
    const [limit, key] = counted(request, known, rate);
    const state = await this.limiter.take(limit, key);
    response.setHeader('RateLimit-Limit', String(state.limit));
    response.setHeader('RateLimit-Remaining', String(state.remaining));
    response.setHeader('RateLimit-Reset', String(Math.ceil(state.resetMs / 1000)));
    if (state.exceeded) throw tooManyRequests(state);
  }
}

function counted(request: Request, known: Authenticated | null, rate: RateClass): [LimitClass, string] {
  if (rate !== 'default') return [rate, addressKey(request.ip)];
  if (!known) return ['anonymous', addressKey(request.ip)];
  const { kind, tenantId, userId, credentialId } = known.actor;
  const caller = kind === 'apiKey' ? `key:${credentialId ?? ''}` : `user:${tenantId}:${userId ?? ''}`;
  return [known.plan === 'premium' ? 'premium' : 'authenticated', caller];
}
