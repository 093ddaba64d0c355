import { isIP, Socket } from 'node:net';
import pg from 'pg';
import type { GuardedNames } from '../../platform/egress/guarded-names.js';
import type { DatabaseUrl } from './database-url.js';
import { QueryFailed } from './query-failed.js';

const CONNECT_TIMEOUT_MS = 10_000;
/** All that one call may make a server send: a single value can be a gigabyte, and comes whole. */
const MOST_BYTES = 16 * 1024 * 1024;
const LOOK_EVERY_MS = 20;
const GOODBYE_MS = 1_000;
const CANCEL_TIMEOUT_MS = 5_000;
/** Of the protocol: what stands where a connection names its version. */
const CANCEL_CODE = 80_877_102;

const NO_TLS = 'The server does not support SSL connections';

/** What a server calls one of its connections, and the proof of whose it is. */
interface BackendKey {
  processID: number;
  secretKey: number;
}

/** To an address that was checked, with a server that need not be what it says it is. */
export class ForeignConnection {
  readonly client: pg.Client;
  private readonly socket = new Socket();
  private readonly watch: NodeJS.Timeout;
  private readonly port: number;
  private key: BackendKey | null = null;

  private constructor(
    { port, user, password, database }: DatabaseUrl,
    private readonly address: string,
    ssl: pg.ClientConfig['ssl'],
  ) {
    this.port = port;
    this.client = new pg.Client({
      ...{ host: address, port, user, database, ssl, stream: () => this.socket },
      // As a function, since an empty one would be filled up from the environment of this process.
      password: () => password,
      application_name: 'Atrium',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    // Whoever waits for an answer is told too.
    this.client.on('error', () => undefined);
    this.client.connection.on('backendKeyData', (key: BackendKey) => (this.key = key));
    // From the first byte on, beneath the encryption too; the driver keeps a message until it is whole.
    this.watch = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  /** @throws AddressRefused, QueryFailed, and errors of the driver */
  static async open(url: DatabaseUrl, names: GuardedNames): Promise<ForeignConnection> {
    const addresses = await names.addressesOf(bare(url.host));
    let failure: unknown;
    for (const { address } of addresses) {
      for (const ssl of tlsOptions(url)) {
        const connection = new ForeignConnection(url, address, ssl);
        try {
          await connection.client.connect();
          return connection;
        } catch (error) {
          connection.cut();
          const { severity, message } = (error ?? {}) as { severity?: unknown; message?: unknown };
          // A server that has spoken would say the same again; that it does not encrypt is what the next try is for.
          if (severity !== undefined || error instanceof QueryFailed) throw error;
          failure = message === NO_TLS ? new QueryFailed('The server does not encrypt, as sslmode demands') : error;
        }
      }
    }
    throw failure;
  }

  /** Nobody waits for an answer any more. */
  cut(reason?: Error): void {
    clearInterval(this.watch);
    this.client.connection.stream.destroy(reason);
    this.socket.destroy();
  }

  /**
   * Has the server end the query it is at, and cuts: it would not notice that nobody is there until it has something to
   * say. As any client of it does, in the clear; the key opens nothing but this. What becomes of it is not told.
   */
  cancel(reason: Error): void {
    this.cut(reason);
    if (!this.key) return;
    const request = Buffer.alloc(16);
    [request.length, CANCEL_CODE, this.key.processID, this.key.secretKey].forEach((part, at) =>
      request.writeInt32BE(part, at * 4),
    );
    const socket = new Socket();
    socket.on('error', () => undefined).setTimeout(CANCEL_TIMEOUT_MS, () => socket.destroy());
    socket.connect(this.port, this.address, () => socket.end(request)).resume();
  }

  /** A server that does not hang up is not waited for. */
  close(): void {
    this.client.end().catch(() => undefined);
    setTimeout(() => this.cut(), GOODBYE_MS).unref();
  }

  private look(): void {
    if (this.socket.bytesRead > MOST_BYTES) this.cut(new QueryFailed('The result is too large: ask for less of it'));
  }
}

/** Tried in this order. */
function tlsOptions({ tls, host }: DatabaseUrl): pg.ClientConfig['ssl'][] {
  const name = bare(host);
  const verified = { rejectUnauthorized: true, ...(isIP(name) === 0 ? { servername: name } : { host: name }) };
  const encrypted = { ...verified, rejectUnauthorized: false };
  return { disable: [false], prefer: [encrypted, false], require: [encrypted], 'verify-full': [verified] }[tls];
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
