import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule } from '../src/platform/config/config.module.js';
import { loadSettings } from '../src/platform/config/load-settings.js';
import { DatabaseModule } from '../src/platform/database/database.module.js';
import { Db } from '../src/platform/database/db.js';
import { createTestStore } from './test-store.js';

@Module({})
class TestDatabase {}

/** A migrated database without the application. */
export async function openTestDatabase(): Promise<{ db: Db; close(): Promise<void> }> {
  const store = await createTestStore();
  const settings = loadSettings(store.environment);
  const context: INestApplicationContext = await NestFactory.createApplicationContext(
    { module: TestDatabase, imports: [ConfigModule.forRoot(settings), DatabaseModule] },
    { logger: false, abortOnError: false },
  );
  return {
    db: context.get(Db),
    close: async () => {
      await context.close();
      await store.drop();
    },
  };
}
