import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Live } from '../../platform/live/live.js';
import type { McpServerEntity } from './mcp-server.entity.js';
import { McpServersRepository } from './mcp-servers.repository.js';

/** A change that another process did not hear of holds there after so long. */
const OLDEST_MS = 5_000;
const MOST = 10_000;

interface Known {
  readonly server: Promise<McpServerEntity | null>;
  readonly since: number;
}

/** Rows of servers, so that a call does not read anew what was read for the one before it. */
@Injectable()
export class KnownServers implements OnModuleDestroy {
  private readonly known = new Map<string, Known>();
  private readonly stopListening: () => void;

  constructor(
    private readonly servers: McpServersRepository,
    live: Live,
  ) {
    this.stopListening = live.onSignal('mcp.serverChanged', ({ tenantId, serverId }) => {
      this.known.delete(`${tenantId}/${serverId}`);
    });
  }

  onModuleDestroy(): void {
    this.stopListening();
  }

  /** Of the current tenant, in this version or a later one; null when it is gone. */
  async find(id: string, version: number): Promise<McpServerEntity | null> {
    const key = `${currentTenantActor().tenantId}/${id}`;
    const known = this.known.get(key);
    if (known && performance.now() - known.since < OLDEST_MS) {
      const server = await known.server.catch(() => null);
      if (server && server.version >= version) return server;
    }
    if (this.known.size >= MOST) this.known.clear();
    const read: Known = { server: this.servers.find(id), since: performance.now() };
    this.known.set(key, read);
    return read.server;
  }
}
