import { Global, Module } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { RedisConnections } from './redis-connections.js';

@Global()
@Module({
  providers: [
    {
      provide: RedisConnections,
      inject: [Settings],
      useFactory: ({ redis }: Settings) => (redis.url === null ? null : new RedisConnections(redis.url)),
    },
  ],
  exports: [RedisConnections],
})
export class RedisModule {}
