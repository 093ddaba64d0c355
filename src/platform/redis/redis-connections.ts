import type { OnApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { createRedis, type RedisRole } from './redis.js';

/** The connections of this process to Redis; where no Redis is set, null is provided in its place. */
export class RedisConnections implements OnApplicationShutdown {
  private readonly opened: Redis[] = [];
  private shared: Redis | null = null;

  constructor(private readonly url: string) {}

  /** One connection for all who send commands and can stand their failure. */
  get producer(): Redis {
    this.shared ??= this.connect('producer');
    return this.shared;
  }

  /** A connection of the caller's own; closed at shutdown with the others. */
  connect(role: RedisRole): Redis {
    const redis = createRedis(this.url, role);
    this.opened.push(redis);
    // BullMQ makes copies, for its blocking reads, that it can not close while Redis is away.
    const duplicate = redis.duplicate.bind(redis);
    redis.duplicate = (override) => {
      const copy = duplicate(override);
      copy.on('error', () => undefined); // The original tells of the same.
      this.opened.push(copy);
      return copy;
    };
    return redis;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(
      this.opened.map(async (redis) => {
        if (redis.status === 'ready') await redis.quit().catch(() => undefined);
        redis.disconnect();
      }),
    );
  }
}
