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
  private readonly counting = new WeakMap<Request, [LimitClass, string]>();

  constructor(private readonly limiter: RateLimiter) {}

  /** Also sets the `RateLimit-*` headers. @throws TooManyRequests */
  async consume(request: Request, response: Response, known: Authenticated | null, rate: RateClass): Promise<void> {
    if (UNLIMITED.test(request.path)) return;
    const by = counted(request, known, rate);
    this.counting.set(request, by);
    await this.take(by, 1, response);
  }

  /** For a request that asks for several things at once, when that is known. @throws TooManyRequests */
  async consumeMore(request: Request, response: Response, more: number): Promise<void> {
    const by = this.counting.get(request);
    if (by && more > 0) await this.take(by, more, response);
  }

  private async take([limit, key]: [LimitClass, string], points: number, response: Response): Promise<void> {
    const state = await this.limiter.take(limit, key, points);
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
