import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { createAdapter } from '@socket.io/redis-adapter';
import type { Redis } from 'ioredis';
import { Settings } from '../config/settings.js';
import { RedisConnections } from '../redis/redis-connections.js';
import { SocketDoor } from './socket-door.js';

type Options = Parameters<IoAdapter['createIOServer']>[1];
type Server = ReturnType<IoAdapter['createIOServer']>;

const MAX_MESSAGE_BYTES = 1_000_000;
/** So long a connection may stay that does not say who it is. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Socket.IO with our options, joined with that of the other processes where Redis is set. */
export class RedisIoAdapter extends IoAdapter {
  constructor(private readonly app: INestApplication) {
    super(app);
  }

  override createIOServer(port: number, options?: Options): Server {
    const { corsOrigins } = this.app.get(Settings).http;
    const server = super.createIOServer(port, {
      ...options,
      path: '/socket.io',
      serveClient: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: CONNECT_TIMEOUT_MS,
      allowRequest: this.app.get(SocketDoor).allowRequest,
      // Compressed answers to polls end later than engine.io says, which would upset the count of what is unsent.
      httpCompression: false,
      ...(corsOrigins.length > 0 && { cors: { origin: [...corsOrigins] } }),
    } as Options);
    const redis = this.app.get<RedisConnections | null>(RedisConnections);
    if (redis) server.adapter(createAdapter(forgiving(redis.producer), forgiving(redis.connect('subscriber'))));
    return server;
  }
}

/** The adapter leaves the promises of its commands alone, and an unhandled rejection would end the process. */
function forgiving(redis: Redis): Redis {
  return new Proxy(redis, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        if (result instanceof Promise) result.catch(() => undefined);
        return result;
      };
    },
  });
}
