import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { currentTenantActor } from '../../platform/access/scope.js';
import { RecentReads } from '../../platform/database/recent-reads.js';
import { Live } from '../../platform/live/live.js';
import type { McpServerEntity } from './mcp-server.entity.js';
import { McpServersRepository } from './mcp-servers.repository.js';

/** Rows of servers, so that a call does not read anew what was read for the one before it. */
@Injectable()
export class KnownServers implements OnModuleDestroy {
  private readonly reads = new RecentReads<McpServerEntity | null>();
  private readonly stopListening: () => void;

  constructor(
    private readonly servers: McpServersRepository,
    live: Live,
  ) {
    this.stopListening = live.onSignal('mcp.serverChanged', ({ tenantId, serverId }) =>
      this.reads.forget(`${tenantId}/${serverId}`),
    );
  }

  onModuleDestroy(): void {
    this.stopListening();
  }

  /** Of the current tenant, in this version or a later one; null when it is gone. */
  async find(id: string, version: number): Promise<McpServerEntity | null> {
    const key = `${currentTenantActor().tenantId}/${id}`;
    return this.reads.get(
      key,
      () => this.servers.find(id),
      (server) => server !== null && server.version >= version,
    );
  }
}
