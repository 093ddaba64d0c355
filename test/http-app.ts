import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Global, Module, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AccessGuard } from '../src/platform/access/access.guard.js';
import { ConfigModule } from '../src/platform/config/config.module.js';
import { loadSettings } from '../src/platform/config/load-settings.js';
import { configureHttp } from '../src/platform/http/http-application.js';
import { HttpModule } from '../src/platform/http/http.module.js';
import { applicationLogger } from '../src/platform/telemetry/logging.js';

export interface HttpApp {
  url: string;
  nest: NestExpressApplication;
  close(): Promise<void>;
}

/** Only the HTTP platform, with a test's controllers; `outside` are modules that stand for the rest. */
export async function startHttp(
  controllers: Type[],
  outside: { providers: object[]; imports?: object[] },
  environment: Record<string, string> = {},
): Promise<HttpApp> {
  @Global()
  @Module({ providers: outside.providers as [], exports: outside.providers as [] })
  class Outside {}

  @Module({ controllers, providers: [{ provide: APP_GUARD, useClass: AccessGuard }] })
  class Inside {}

  @Module({})
  class HttpTest {}

  const settings = loadSettings({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    JWT_SECRET: 'test-secret-test-secret-test-secret-',
    ENCRYPTION_KEY: 'test-secret-test-secret-test-secret-',
    ...environment,
  });
  const nest = await NestFactory.create<NestExpressApplication>(
    {
      module: HttpTest,
      imports: [ConfigModule.forRoot(settings), Outside, ...((outside.imports ?? []) as []), HttpModule, Inside],
    },
    { bodyParser: false, logger: applicationLogger(settings), abortOnError: false },
  );
  configureHttp(nest);
  await nest.listen(0, '127.0.0.1');
  const { port } = nest.getHttpServer().address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, nest, close: () => nest.close() };
}
