import { Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Settings } from '../../platform/config/settings.js';
import { ComputeModule } from '../../platform/compute/compute.module.js';
import { ToolRegistry } from '../tools/tool-registry.service.js';
import { ToolsModule } from '../tools/tools.module.js';
import { DatabaseConnectionEntity } from './database-connection.entity.js';
import { DatabaseConnectionsController } from './database-connections.controller.js';
import { DatabaseConnectionsRepository } from './database-connections.repository.js';
import { DatabaseConnections } from './database-connections.service.js';
import { DatabaseToolServer } from './database.server.js';
import { FetchServer } from './fetch.server.js';
import { BraveSearch } from './brave-search.js';
import { WebServer } from './web.server.js';

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
    private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.registry.register(this.database);
    this.registry.register(this.fetch);
    const { webSearch } = this.settings;
    if (webSearch) this.registry.register(new WebServer(new BraveSearch(webSearch)));
  }
}
