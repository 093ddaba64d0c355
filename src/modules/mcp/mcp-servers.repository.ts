import { Injectable } from '@nestjs/common';
import { Db } from '../../platform/database/db.js';
import { TenantTable } from '../../platform/database/tenant-table.js';
import { McpServerEntity } from './mcp-server.entity.js';

@Injectable()
export class McpServersRepository {
  private readonly servers: TenantTable<McpServerEntity>;

  constructor(private readonly db: Db) {
    this.servers = new TenantTable(db, McpServerEntity);
  }

  async add({ tenantId: _own, ...server }: McpServerEntity): Promise<void> {
    // A record of unknown values is deeper than TypeORM's partial type follows.
    await this.servers.insert({ ...server, toolPolicy: server.toolPolicy });
  }

  async find(id: string): Promise<McpServerEntity | null> {
    return this.servers.select('s', (query) => query.andWhere('s.id = :id', { id }).getOne());
  }

  async findByName(name: string): Promise<McpServerEntity | null> {
    return this.servers.select('s', (query) => query.andWhere('s.name = :name', { name }).getOne());
  }

  /** Locked until the transaction ends, so that of two changes neither is lost. */
  async findForUpdate(id: string): Promise<McpServerEntity | null> {
    return this.servers.select('s', (query) =>
      query.andWhere('s.id = :id', { id }).setLock('pessimistic_write').getOne(),
    );
  }

  /** Locked until the transaction ends against changes, not against others who only rely on it. */
  async findForShare(id: string): Promise<McpServerEntity | null> {
    return this.servers.select('s', (query) =>
      query.andWhere('s.id = :id', { id }).setLock('pessimistic_read').getOne(),
    );
  }

  /** Newest first, older than `before`. */
  async list(before: string | null, limit: number): Promise<McpServerEntity[]> {
    return this.servers.select('s', (query) => {
      if (before) query.andWhere('s.id < :before', { before });
      return query.orderBy('s.id', 'DESC').limit(limit).getMany();
    });
  }

  async change({ id, tenantId: _own, createdAt: _first, createdBy: _by, ...server }: McpServerEntity): Promise<void> {
    await this.servers.update({ ...server, toolPolicy: server.toolPolicy }, 'id = :id', { id });
  }

  async remove(id: string): Promise<boolean> {
    return (await this.servers.delete('id = :id', { id })) > 0;
  }

  /** Those of which there is no server; none where the tenant itself is unknown here. */
  async withoutRow(ids: readonly string[]): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `SELECT k.id FROM unnest(:ids::uuid[]) AS k(id)
       WHERE EXISTS (SELECT 1 FROM tenants t WHERE t.id = :tenantId)
         AND NOT EXISTS (SELECT 1 FROM mcp_servers s WHERE s.tenant_id = :tenantId AND s.id = k.id)`,
      { ids },
    );
    return rows.map(({ id }) => id);
  }
}
