import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PageQuery } from '../../platform/http/pagination.js';
import { PathResource } from '../../platform/http/path-resource.js';
import {
  CreateDatabaseConnectionDto,
  DatabaseConnectionDto,
  DatabaseConnectionPage,
} from './database-connections.dto.js';
import { DatabaseConnections } from './database-connections.service.js';

@Controller('database-connections')
@PathResource(DatabaseConnections, 'get')
export class DatabaseConnectionsController {
  constructor(private readonly connections: DatabaseConnections) {}

  @Post()
  @Access({ can: 'mcp:create' })
  @ApiConflictResponse({ description: 'The name is taken' })
  @Replay((controller: DatabaseConnectionsController, id) => controller.get(id))
  create(@Body() dto: CreateDatabaseConnectionDto): Promise<DatabaseConnectionDto> {
    return this.connections.create(dto);
  }

  @Get()
  @Access({ can: 'mcp:read' })
  list(@Query() query: PageQuery): Promise<DatabaseConnectionPage> {
    return this.connections.list(query);
  }

  @Get(':id')
  @Access({ can: 'mcp:read' })
  get(@Id() id: string): Promise<DatabaseConnectionDto> {
    return this.connections.get(id);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'mcp:delete' })
  remove(@Id() id: string): Promise<void> {
    return this.connections.remove(id);
  }
}
