import type { INestApplication } from '@nestjs/common';
import type { Settings } from '../config/settings.js';
import { RedisIoAdapter } from './redis-io.adapter.js';

/** Before the application starts: how the gateway of `SocketsModule` is served. A worker has none. */
export function configureLive(app: INestApplication, settings: Settings): void {
  if (settings.role !== 'worker') app.useWebSocketAdapter(new RedisIoAdapter(app));
}
