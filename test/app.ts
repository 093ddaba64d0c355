import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApp } from '../src/bootstrap.js';
import { ModelCatalog } from '../src/modules/models/model-catalog.service.js';
import { loadSettings } from '../src/platform/config/load-settings.js';
import { Readiness } from '../src/platform/http/readiness.js';
import { ADMIN } from './admin.js';
import { createTestStore, type TestStore } from './test-store.js';
import { FakeAnthropic } from './upstream/fake-anthropic.js';

export interface TestApp {
  url: string;
  nest: NestExpressApplication;
  store: TestStore;
  /** The provider behind the `claude-…` models. */
  upstream: FakeAnthropic;
  close(): Promise<void>;
}

/** The whole application, listening, on a store of its own. Limits are out of the way unless a test sets them. */
export async function startApp(environment: Record<string, string> = {}, store?: TestStore): Promise<TestApp> {
  const used = store ?? (await createTestStore());
  const upstream = await new FakeAnthropic().start();
  const nest = await createApp(
    loadSettings({
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent',
      HOST: '127.0.0.1',
      JWT_SECRET: 'test-secret-test-secret-test-secret-',
      ENCRYPTION_KEY: 'test-secret-test-secret-test-secret-',
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      ANTHROPIC_API_KEY: 'test-key',
      ANTHROPIC_BASE_URL: upstream.url,
      DEFAULT_MODEL: 'offline',
      RATE_LIMIT_ANONYMOUS: '100000',
      RATE_LIMIT_AUTHENTICATED: '100000',
      RATE_LIMIT_PREMIUM: '100000',
      RATE_LIMIT_LOGIN: '100000',
      ...used.environment,
      ...environment,
    }),
  );
  const [models, longest] = [nest.get(ModelCatalog), upstream.windowOf];
  upstream.windowOf = (model) => models.find(model)?.contextWindow ?? longest(model);
  await nest.listen(0, '127.0.0.1');
  nest.get(Readiness).markReady();
  const { port } = nest.getHttpServer().address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    nest,
    store: used,
    upstream,
    close: async () => {
      await nest.close();
      await upstream.stop();
      if (!store) await used.drop();
    },
  };
}
