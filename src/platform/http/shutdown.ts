import { Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { IdleConnections } from './idle-connections.js';
import { Readiness } from './readiness.js';

/** For load balancers to see that this process is no longer ready, before it stops listening. */
const DRAIN_MS = 1_000;
/** Connections that were waiting for an answer are closed this soon after it. */
const IDLE_CHECK_MS = 200;
/** How long answers under way may take until their connections are cut. */
const CONNECTIONS_MS = 12_000;
const LIMIT_MS = 25_000;

const logger = new Logger('Shutdown');

/** A Ctrl-C under npm comes twice, from the terminal and from npm; it is one wish. */
const SAME_WISH_MS = 1_000;

/** On SIGTERM and SIGINT: not ready, a short wait, close, exit 0. What hangs is cut off; a second signal ends at once. */
export function stopOnSignals(app: NestExpressApplication): void {
  let stoppingSince: number | null = null;
  const idle = new IdleConnections(app.getHttpServer());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stoppingSince !== null && performance.now() - stoppingSince > SAME_WISH_MS) process.exit(1);
      if (stoppingSince !== null) return;
      stoppingSince = performance.now();
      logger.log(`${signal}: stopping`);
      // What made it stop may have set an exit code already.
      void stop(app, idle).then((code) => process.exit(code === 0 ? process.exitCode : code));
    });
  }
}

async function stop(app: NestExpressApplication, idle: IdleConnections): Promise<number> {
  app.get(Readiness).markStopping();
  setTimeout(() => app.getHttpServer().closeAllConnections(), DRAIN_MS + CONNECTIONS_MS).unref();
  const limit = new Promise<number>((resolve) => {
    setTimeout(() => {
      logger.error(`Not stopped within ${LIMIT_MS} ms`);
      resolve(1);
    }, LIMIT_MS).unref();
  });
  return Promise.race([close(app, idle), limit]);
}

async function close(app: NestExpressApplication, idle: IdleConnections): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
  setInterval(() => idle.close(), IDLE_CHECK_MS).unref();
  try {
    await app.close();
    logger.log('Stopped');
    return 0;
  } catch (error) {
    logger.error(error);
    return 1;
  }
}
