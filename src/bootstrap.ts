import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import type { Settings } from './platform/config/settings.js';
import { configureHttp } from './platform/http/http-application.js';
import { configureLive } from './platform/live/configure-live.js';
import { applicationLogger } from './platform/telemetry/logging.js';

/** The whole application, ready to listen: database open and migrated, everything wired. */
export async function createApp(settings: Settings): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(settings), {
    bodyParser: false,
    logger: applicationLogger(settings),
    abortOnError: false,
  });
  configureHttp(app);
  configureLive(app, settings);
  return app;
}
