import { Logger } from '@nestjs/common';
import { Redis, type RedisOptions } from 'ioredis';

/**
 * - `producer`: sends commands whose failure its caller can stand; fails at once while Redis is away.
 * - `limiter`: the same, soon: a request waits for it.
 * - `worker`: waits for Redis to come back; what BullMQ needs for its blocking reads.
 * - `subscriber`: the same for pub/sub; subscriptions are renewed on reconnecting.
 */
export type RedisRole = 'producer' | 'limiter' | 'worker' | 'subscriber';

const FAILING_SOON = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // What is sent in one turn of the event loop leaves in one system call.
  enableAutoPipelining: true,
};

const OPTIONS: Record<RedisRole, RedisOptions> = {
  producer: { ...FAILING_SOON, commandTimeout: 2_000 },
  limiter: { ...FAILING_SOON, commandTimeout: 500 },
  worker: { maxRetriesPerRequest: null },
  subscriber: { maxRetriesPerRequest: null },
};

const MAX_RECONNECT_MS = 2_000;

/** Connects, and reconnects for as long as it takes. Each change of state is logged once, never with the URL. */
export function createRedis(url: string, role: RedisRole): Redis {
  const redis = new Redis(url, {
    ...OPTIONS[role],
    connectionName: `atrium:${role}`,
    keepAlive: 10_000,
    retryStrategy: (attempt) =>
      Math.min(50 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_MS) * (0.75 + Math.random() / 2),
  });
  const logger = new Logger('Redis');
  let reachable: boolean | null = null;
  redis.on('ready', () => {
    if (reachable !== true) logger.log(`Connected (${role})`);
    reachable = true;
  });
  const lost = (reason: string) => {
    if (reachable !== false) logger.warn(`Not reachable (${role}): ${reason}`);
    reachable = false;
  };
  // Of an error only code or message: its `command` would show the password of an AUTH.
  redis.on('error', (error: NodeJS.ErrnoException) => lost(error.code ?? error.message));
  redis.on('reconnecting', () => lost('the connection was closed'));
  return redis;
}

/** False for what Redis answered, true for what never reached it or whose answer was lost. */
export function isRedisAway(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, name, message = '' } = error as Partial<NodeJS.ErrnoException>;
  if (code !== undefined && /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST|ENET)/.test(code)) return true;
  if (name === 'MaxRetriesPerRequestError' || name === 'AbortError') return true;
  return /Connection is closed|Stream isn't writeable|Command timed out|ECONNREFUSED/.test(message);
}
