import { fileURLToPath } from 'node:url';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import { Settings } from '../config/settings.js';
import { EmbeddedPostgres } from './embedded/embedded-postgres.js';
import { runMigrations } from './migrator.js';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));

/** The database this process talks to: one that it is told of, or the embedded one that it starts itself. */
@Injectable()
export class DatabaseServer implements OnApplicationShutdown {
  private readonly logger = new Logger('Database');

  private constructor(
    readonly connection: pg.ClientConfig,
    private readonly embedded: EmbeddedPostgres | null,
  ) {}

  /** Ready to serve: started if embedded, and migrated. */
  static async open(settings: Settings): Promise<DatabaseServer> {
    const embedded = settings.database.url ? null : await startEmbedded(settings.dataDir);
    const connection = embedded ? embedded.connection : { connectionString: settings.database.url ?? undefined };
    const server = new DatabaseServer(connection, embedded);
    try {
      await server.migrate(settings);
    } catch (error) {
      await embedded?.stop();
      throw error;
    }
    return server;
  }

  private async migrate(settings: Settings): Promise<void> {
    const { migrationUrl, url } = settings.database;
    const target = migrationUrl ? { connectionString: migrationUrl } : this.connection;
    await runMigrations({
      client: async () => {
        const client = new pg.Client(target);
        await client.connect();
        return client;
      },
      dir: MIGRATIONS,
      embedded: this.embedded !== null,
      log: (line) => this.logger.log(line),
      runtimeUser: migrationUrl && url ? decodeURIComponent(new URL(url).username) : undefined,
    });
  }

  /** After the pool has closed, which TypeORM does in an earlier hook. */
  async onApplicationShutdown(): Promise<void> {
    await this.embedded?.stop();
  }
}

/** Without its database the process is of no use: it ends, and whoever watches over it starts it anew. */
function startEmbedded(dataDir: string): Promise<EmbeddedPostgres> {
  const logger = new Logger('EmbeddedPostgres');
  return EmbeddedPostgres.start(dataDir, {
    log: (line) => logger.log(line),
    onExit: (reason) => {
      logger.fatal(reason);
      process.kill(process.pid, 'SIGTERM');
      process.exitCode = 1;
    },
  });
}
