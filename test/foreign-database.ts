import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgres } from '../src/platform/database/embedded/embedded-postgres.js';
import { SOCKET_NAME } from '../src/platform/database/embedded/socket-folder.js';
import { createTestStore } from './test-store.js';

/** A database that is not the application's, as a tenant names one: by a URL of TCP. */
export interface ForeignStore {
  url: string;
  /** As who may do anything there. */
  sql(text: string): Promise<unknown[]>;
  drop(): Promise<unknown>;
}

/** Empty, beside the given store or embedded. */
export async function createForeignStore(): Promise<ForeignStore> {
  const server = process.env['TEST_MIGRATION_DATABASE_URL'] ?? process.env['TEST_DATABASE_URL'];
  return server ? onServer(server) : embedded(mkdtempSync(join(tmpdir(), 'atrium-foreign-')));
}

/** One of Atrium's own, with its tables. */
export async function createAtriumStore(): Promise<ForeignStore> {
  const store = await createTestStore();
  const { DATABASE_URL: url, DATA_DIR: folder = '' } = store.environment;
  if (url === undefined) return embedded(folder);
  return { url, sql: (text) => execute({ connectionString: url }, text), drop: () => store.drop() };
}

async function onServer(server: string): Promise<ForeignStore> {
  const name = `foreign_${randomUUID().replaceAll('-', '')}`;
  await execute({ connectionString: server }, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    sql: (text) => execute({ connectionString: url.href }, text),
    drop: () => execute({ connectionString: server }, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

/** Behind a port, since it listens on a socket file alone. */
async function embedded(folder: string): Promise<ForeignStore> {
  const database = await EmbeddedPostgres.start(folder);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(join(database.socketDir, SOCKET_NAME));
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { user, database: name } = database.connection;
  return {
    url: `postgres://${user}:secret-of-it@127.0.0.1:${(server.address() as AddressInfo).port}/${name}`,
    sql: (text) => execute(database.connection, text),
    drop: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await database.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function execute(connection: pg.ClientConfig, text: string): Promise<unknown[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query<object>(text)).rows;
  } finally {
    await client.end();
  }
}
