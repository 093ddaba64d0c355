import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { Live } from '../../platform/live/live.js';
import type { McpConnection } from './client/mcp-connection.js';
import { AccountNotConnected } from './mcp-credentials.js';
import { NotNow } from './mcp-errors.js';
import { McpOpener } from './mcp-opener.js';
import type { McpServerEntity } from './mcp-server.entity.js';
import { ServerPauses } from './server-pauses.js';

const IDLE_MS = 300_000;
/** Of one tenant in one process. */
const MOST_CONNECTIONS = 50;
const MOST_PROCESSES = 10;
/** A server that just failed is left alone for a moment; a caller waits for so long for the moment to pass. */
const PATIENCE_MS = 2_000;

interface Pooled {
  readonly key: string;
  readonly server: McpServerEntity;
  readonly userId: string | null;
  readonly opening: Promise<McpConnection>;
  connection: McpConnection | null;
  users: number;
  usedAt: number;
  /** Closed as soon as nobody uses it. */
  retired: boolean;
  idle: NodeJS.Timeout | undefined;
}

type ToolsChanged = (server: McpServerEntity, userId: string | null) => void;

/**
 * Open connections of this process, by tenant, server, version of the server's row, and whose credentials they use.
 * What they know is theirs alone: two that differ in any of this never share one.
 */
@Injectable()
export class McpConnections implements OnApplicationShutdown {
  private readonly logger = new Logger('Mcp');
  private readonly pooled = new Map<string, Pooled>();
  private readonly pauses = new ServerPauses();
  private toolsChanged: ToolsChanged = () => undefined;
  private stopped = false;
  /** A connection outlives the request that opened it. */
  private readonly detached = AsyncLocalStorage.snapshot();
  private readonly unsubscribe: () => void;

  constructor(
    private readonly opener: McpOpener,
    live: Live,
  ) {
    this.unsubscribe = live.onSignal('mcp.serverChanged', ({ tenantId, serverId, userId }) => {
      for (const entry of this.pooled.values()) {
        const { server } = entry;
        const isConcerned = server.tenantId === tenantId && server.id === serverId;
        if (isConcerned && (userId === undefined || entry.userId === userId)) this.retire(entry);
      }
      this.pauses.forget(`${tenantId}/${serverId}/`);
    });
  }

  onToolsChanged(listener: ToolsChanged): void {
    this.toolsChanged = listener;
  }

  /**
   * Lends a connection, which is opened where there is none. `isNew`: nothing was asked on it before.
   * @throws McpServerFailed, McpServerSilent, AccountNotConnected, the signal's reason, and what `use` throws
   */
  async lend<T>(
    server: McpServerEntity,
    callerId: string | null,
    use: (connection: McpConnection, isNew: boolean) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const userId = credentialOf(server, callerId);
    const entry = await this.entryFor(server, userId, signal);
    entry.users += 1;
    clearTimeout(entry.idle);
    const isNew = entry.connection === null;
    try {
      const connection = await unlessAborted(entry.opening, signal);
      return await use(connection, isNew);
    } finally {
      this.giveBack(entry);
    }
  }

  /** The next one to ask opens a new one. */
  drop(connection: McpConnection): void {
    for (const entry of this.pooled.values()) if (entry.connection === connection) this.retire(entry);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.unsubscribe();
    const entries = [...this.pooled.values()];
    this.pooled.clear();
    for (const { idle } of entries) clearTimeout(idle);
    await Promise.allSettled(entries.map(async ({ opening }) => (await opening).close()));
  }

  private async entryFor(server: McpServerEntity, userId: string | null, signal?: AbortSignal): Promise<Pooled> {
    const key = `${server.tenantId}/${server.id}/${server.version}/${userId ?? ''}`;
    const present = this.usable(key);
    if (present) return present;
    const waitMs = this.pauses.leftOf(key);
    if (waitMs > PATIENCE_MS) throw this.pauses.failureOf(key);
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    return this.usable(key) ?? this.open(key, server, userId);
  }

  private usable(key: string): Pooled | null {
    const entry = this.pooled.get(key);
    if (!entry) return null;
    if (entry.connection === null || entry.connection.isOpen) return entry;
    this.retire(entry);
    return null;
  }

  private open(key: string, server: McpServerEntity, userId: string | null): Pooled {
    if (this.stopped) throw new NotNow(server.name, 'this process is stopping');
    this.makeRoom(server);
    const opening = this.detached(() =>
      runAs(Actor.job(server.tenantId, userId), () =>
        this.opener.open(server, userId, {
          onToolsChanged: () => this.detached(() => this.toolsChanged(server, userId)),
          onClosed: () => this.retire(entry),
        }),
      ),
    );
    const entry: Pooled = {
      ...{ key, server, userId, opening, connection: null, users: 0, usedAt: performance.now() },
      ...{ retired: false, idle: undefined },
    };
    this.pooled.set(key, entry);
    opening.then(
      (connection) => {
        entry.connection = connection;
        this.pauses.succeeded(key);
        if (entry.retired && entry.users === 0) this.close(entry);
      },
      (error: unknown) => {
        this.retire(entry);
        if (!(error instanceof AccountNotConnected)) this.pauses.failed(key, error);
      },
    );
    return entry;
  }

  private giveBack(entry: Pooled): void {
    entry.users -= 1;
    entry.usedAt = performance.now();
    if (entry.users > 0) return;
    if (entry.retired) {
      this.close(entry);
      return;
    }
    const idleMs = this.opener.idleMsOf(entry.server) ?? IDLE_MS;
    entry.idle = setTimeout(() => this.retire(entry), idleMs).unref();
  }

  private retire(entry: Pooled): void {
    entry.retired = true;
    if (this.pooled.get(entry.key) === entry) this.pooled.delete(entry.key);
    if (entry.users === 0 || entry.connection?.isOpen === false) this.close(entry);
  }

  private close(entry: Pooled): void {
    clearTimeout(entry.idle);
    entry.connection?.close().catch((error: unknown) => {
      this.logger.warn({ err: error, server: entry.server.name }, 'A connection did not close as it should');
    });
  }

  /** @throws NotNow where the tenant has as many in use as it may */
  private makeRoom(server: McpServerEntity): void {
    const isProcess = ({ transport }: McpServerEntity): boolean => transport === 'stdio';
    const own = [...this.pooled.values()].filter(
      (entry) => entry.server.tenantId === server.tenantId && isProcess(entry.server) === isProcess(server),
    );
    if (own.length < (isProcess(server) ? MOST_PROCESSES : MOST_CONNECTIONS)) return;
    const [oldest] = own.filter(({ users }) => users === 0).sort((a, b) => a.usedAt - b.usedAt);
    if (!oldest) throw new NotNow(server.name, 'too many others are in use');
    this.retire(oldest);
  }
}

/** Whose connection it is: each user's own where they act as themselves. @throws AccountNotConnected */
function credentialOf({ id, name, oauth }: McpServerEntity, callerId: string | null): string | null {
  if (oauth?.identity !== 'user') return null;
  if (callerId === null) throw new AccountNotConnected(id, name, 'user');
  return callerId;
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
