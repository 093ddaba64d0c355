import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Conflict, NotFound, ValidationFailed } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Sealing } from '../../platform/crypto/sealing.js';
import { violatesUnique } from '../../platform/database/database-errors.js';
import { Db } from '../../platform/database/db.js';
import { AddressRules } from '../../platform/egress/address-rules.js';
import { Events } from '../../platform/events/events.js';
import { Cursors, type PageQuery } from '../../platform/http/pagination.js';
import type { DatabaseConnectionEntity } from './database-connection.entity.js';
import type {
  CreateDatabaseConnectionDto,
  DatabaseConnectionDto,
  DatabaseConnectionPage,
} from './database-connections.dto.js';
import { DatabaseConnectionsRepository } from './database-connections.repository.js';
import { parseDatabaseUrl } from './database-url.js';

@Injectable()
export class DatabaseConnections {
  constructor(
    private readonly connections: DatabaseConnectionsRepository,
    private readonly rules: AddressRules,
    private readonly sealing: Sealing,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** Nothing is opened. @throws ValidationFailed, Conflict */
  async create({ name, url }: CreateDatabaseConnectionDto): Promise<DatabaseConnectionDto> {
    const { tenantId, userId } = currentTenantActor();
    const { host, database } = parseDatabaseUrl(url);
    const refused = this.rules.faultOfHost(host);
    if (refused) throw ValidationFailed.of('url', `url may not be used: ${refused}`);
    const id = v7();
    const sealedUrl = this.sealing.seal(url, placeOf(tenantId, id));
    const connection = { tenantId, id, name, host, database, sealedUrl, createdBy: userId, createdAt: new Date() };
    try {
      await this.db.run(async () => {
        await this.connections.add(connection);
        await this.events.publish('databaseConnection.created', {
          resourceType: 'databaseConnection',
          resourceId: id,
          payload: { name },
          changes: { name, host, database },
        });
      });
    } catch (error) {
      if (violatesUnique(error, 'database_connections_name')) throw new Conflict('The name is taken');
      throw error;
    }
    return shown(connection);
  }

  /** @throws NotFound */
  async get(id: string): Promise<DatabaseConnectionDto> {
    const connection = await this.connections.find(id);
    if (!connection) throw new NotFound('Database connection');
    return shown(connection);
  }

  async list(query: PageQuery): Promise<DatabaseConnectionPage> {
    const rows = await this.connections.list(this.cursors.id(query.cursor), query.limit + 1);
    return this.cursors.page(rows, query.limit, shown);
  }

  /** @throws NotFound */
  async remove(id: string): Promise<void> {
    await this.db.run(async () => {
      if (!(await this.connections.remove(id))) throw new NotFound('Database connection');
      const resource = { resourceType: 'databaseConnection', resourceId: id };
      await this.events.publish('databaseConnection.deleted', { ...resource, payload: {} });
    });
  }

  /** With its secrets, for the one who connects; null where there is none of the name. */
  async urlOf(name: string): Promise<string | null> {
    const connection = await this.connections.named(name);
    return connection && this.sealing.open(connection.sealedUrl, placeOf(connection.tenantId, connection.id));
  }
}

function placeOf(tenantId: string, id: string): string {
  return `${tenantId}:databaseConnection:${id}`;
}

function shown({ id, name, host, database, createdBy, createdAt }: DatabaseConnectionEntity): DatabaseConnectionDto {
  return { id, name, host, database, createdBy, createdAt: createdAt.toISOString() };
}
