import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Settings } from '../config/settings.js';
import { DatabaseServer } from './database-server.js';
import { Db } from './db.js';
import { SnakeNaming } from './snake-naming.js';

@Module({
  providers: [
    { provide: DatabaseServer, inject: [Settings], useFactory: (settings: Settings) => DatabaseServer.open(settings) },
  ],
  exports: [DatabaseServer],
})
class DatabaseServerModule {}

@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      imports: [DatabaseServerModule],
      inject: [DatabaseServer, Settings],
      useFactory: (server: DatabaseServer, settings: Settings) => ({
        type: 'postgres' as const,
        autoLoadEntities: true,
        installExtensions: false,
        namingStrategy: new SnakeNaming(),
        poolErrorHandler: () => undefined, // An idle connection that breaks is replaced; the next user sees the failure.
        extra: {
          ...server.connection,
          max: settings.database.poolSize,
          connectionTimeoutMillis: 8_000,
          keepAlive: true,
          // Statements are sent without waiting for the answers to those before.
          pipeline: true,
        },
      }),
    }),
  ],
  providers: [Db],
  exports: [Db],
})
export class DatabaseModule {}
