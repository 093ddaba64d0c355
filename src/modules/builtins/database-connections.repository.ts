import { Injectable } from '@nestjs/common';
import { Db } from '../../platform/database/db.js';
import { TenantTable } from '../../platform/database/tenant-table.js';
import { DatabaseConnectionEntity } from './database-connection.entity.js';

@Injectable()
export class DatabaseConnectionsRepository {
  private readonly connections: TenantTable<DatabaseConnectionEntity>;

  constructor(db: Db) {
    this.connections = new TenantTable(db, DatabaseConnectionEntity);
  }

  async add(connection: DatabaseConnectionEntity): Promise<void> {
    await this.connections.insert(connection);
  }

  async find(id: string): Promise<DatabaseConnectionEntity | null> {
    return this.connections.select('c', (query) => query.andWhere('c.id = :id', { id }).getOne());
  }

  async named(name: string): Promise<DatabaseConnectionEntity | null> {
    return this.connections.select('c', (query) => query.andWhere('c.name = :name', { name }).getOne());
  }

  /** Newest first, older than `before`. */
  async list(before: string | null, limit: number): Promise<DatabaseConnectionEntity[]> {
    return this.connections.select('c', (query) => {
      if (before) query.andWhere('c.id < :before', { before });
      return query.orderBy('c.id', 'DESC').limit(limit).getMany();
    });
  }

  async remove(id: string): Promise<boolean> {
    return (await this.connections.delete('id = :id', { id })) > 0;
  }
}
