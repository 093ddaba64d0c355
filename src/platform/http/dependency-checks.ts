import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Db } from '../database/db.js';
import { RedisConnections } from '../redis/redis-connections.js';
import { HealthChecks } from './health-checks.js';

/** The database and Redis. Without Redis requests are still served, since all truth is in the database. */
@Injectable()
export class DependencyChecks implements OnModuleInit {
  constructor(
    private readonly checks: HealthChecks,
    private readonly db: Db,
    @Inject(RedisConnections) private readonly redis: RedisConnections | null,
  ) {}

  onModuleInit(): void {
    const { db, redis } = this;
    this.checks.add('database', () => db.ping(), { isVital: true });
    if (redis) this.checks.add('redis', () => redis.producer.ping(), { isVital: false });
  }
}
