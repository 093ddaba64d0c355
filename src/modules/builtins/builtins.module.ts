import { Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ComputeModule } from '../../platform/compute/compute.module.js';
import { ToolRegistry } from '../tools/tool-registry.service.js';
import { ToolsModule } from '../tools/tools.module.js';
import { DatabaseConnectionEntity } from './database-connection.entity.js';
import { DatabaseConnectionsController } from './database-connections.controller.js';
import { DatabaseConnectionsRepository } from './database-connections.repository.js';
import { DatabaseConnections } from './database-connections.service.js';
import { DatabaseToolServer } from './database.server.js';
import { FetchServer } from './fetch.server.js';

@Module({
  imports: [TypeOrmModule.forFeature([DatabaseConnectionEntity]), ComputeModule, ToolsModule],
  controllers: [DatabaseConnectionsController],
  providers: [DatabaseConnections, DatabaseConnectionsRepository, DatabaseToolServer, FetchServer],
})
export class BuiltinsModule implements OnModuleInit {
  constructor(
    private readonly registry: ToolRegistry,
    private readonly database: DatabaseToolServer,
    private readonly fetch: FetchServer,
  ) {}

  onModuleInit(): void {
    this.registry.register(this.database);
    this.registry.register(this.fetch);
  }
}
