import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
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
/** Every request waits for Redis to count it: one that does not answer is left alone for a while. */
const LEFT_ALONE_MS = 2_000;

interface Limiters {
  shared: RateLimiterAbstract | null;
  inMemory: RateLimiterAbstract;
}

/** Counts requests per minute: in Redis for all processes together, in memory where there is none or it is away. */
@Injectable()
export class RateLimiter {
  private readonly limiters: ReadonlyMap<string, Limiters>;
  private leftAloneUntil = -Infinity;

  constructor(settings: Settings, @Inject(RedisConnections) redis: RedisConnections | null) {
    const connection = redis?.connect('limiter') ?? null;
    const limits = Object.entries(settings.rateLimits);
    this.limiters = new Map(limits.map(([name, limit]) => [name, limitersOf(name, limit, connection)]));
  }

  async take(name: LimitClass, key: string, points = 1): Promise<RateState> {
    const limiters = this.limiters.get(name);
    if (!limiters) throw new Error(`There is no rate limit named ${name}`);
    const { shared, inMemory } = limiters;
    if (!shared || performance.now() < this.leftAloneUntil) return consumed(inMemory, key, points);
    try {
      return await consumed(shared, key, points);
    } catch {
      // What is wrong with Redis its connections tell.
      this.leftAloneUntil = performance.now() + LEFT_ALONE_MS;
      return consumed(inMemory, key, points);
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

function limitersOf(name: string, points: number, redis: Redis | null): Limiters {
  const options = { keyPrefix: `atrium:rate:${name}`, points, duration: WINDOW_SECONDS };
  return {
    shared: redis && new RateLimiterRedis({ ...options, storeClient: redis, rejectIfRedisNotReady: true }),
    inMemory: new RateLimiterMemory(options),
  };
}

/** Throws what the store of the counts throws. */
async function consumed(limiter: RateLimiterAbstract, key: string, points: number): Promise<RateState> {
  try {
    return stateOf(limiter.points, await limiter.consume(key, points), false);
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return stateOf(limiter.points, refusal, true);
    throw refusal;
  }
}

function stateOf(limit: number, result: RateLimiterRes, exceeded: boolean): RateState {
  return { limit, remaining: Math.max(0, result.remainingPoints), resetMs: result.msBeforeNext, exceeded };
}
