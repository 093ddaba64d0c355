import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { TooManyRequests } from '../../contracts/errors.js';
import { Settings } from '../config/settings.js';
import { RedisConnections } from '../redis/redis-connections.js';

export type LimitClass = keyof Settings['rateLimits'];

export interface RateState {
  /** Requests per minute. */
  limit: number;
  remaining: number;
  resetMs: number;
  exceeded: boolean;
}

const WINDOW_SECONDS = 60;

/** Counts requests per minute: in Redis for all processes together, in memory where there is none or it is away. */
@Injectable()
export class RateLimiter {
  private readonly limiters: ReadonlyMap<string, RateLimiterAbstract>;

  constructor(settings: Settings, @Inject(RedisConnections) redis: RedisConnections | null) {
    const limits = Object.entries(settings.rateLimits);
    this.limiters = new Map(limits.map(([name, limit]) => [name, limiterOf(name, limit, redis)]));
  }

  async take(name: LimitClass, key: string, points = 1): Promise<RateState> {
    const limiter = this.limiters.get(name);
    if (!limiter) throw new Error(`There is no rate limit named ${name}`);
    try {
      return stateOf(limiter.points, await limiter.consume(key, points), false);
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return stateOf(limiter.points, refusal, true);
      throw refusal;
    }
  }

  /** @throws TooManyRequests */
  async consume(name: LimitClass, key: string, points = 1): Promise<RateState> {
    const state = await this.take(name, key, points);
    if (state.exceeded) throw tooManyRequests(state);
    return state;
  }
}

export function tooManyRequests(state: RateState): TooManyRequests {
  return new TooManyRequests(Math.max(1, Math.ceil(state.resetMs / 1000)));
}

function limiterOf(name: string, points: number, redis: RedisConnections | null): RateLimiterAbstract {
  const options = { keyPrefix: `atrium:rate:${name}`, points, duration: WINDOW_SECONDS };
  const inMemory = new RateLimiterMemory(options);
  if (redis === null) return inMemory;
  return new RateLimiterRedis({
    ...options,
    storeClient: redis.producer,
    rejectIfRedisNotReady: true,
    insuranceLimiter: inMemory,
  });
}

function stateOf(limit: number, result: RateLimiterRes, exceeded: boolean): RateState {
  return { limit, remaining: Math.max(0, result.remainingPoints), resetMs: result.msBeforeNext, exceeded };
}
