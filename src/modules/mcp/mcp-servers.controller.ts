import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PageQuery } from '../../platform/http/pagination.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { AsksServer } from './asks-server.decorator.js';
import {
  GetPromptDto,
  McpDiscoveryDto,
  McpHealthDto,
  McpPromptDto,
  McpResourceDto,
  McpToolListDto,
  ReadResourceDto,
} from './mcp-inspection.dto.js';
import { McpInspection } from './mcp-inspection.service.js';
import { CreateMcpServerDto, McpServerDto, McpServerPage, UpdateMcpServerDto } from './mcp-servers.dto.js';
import { McpServers } from './mcp-servers.service.js';
import { ServerId } from './server-id.decorator.js';

@Controller('mcp/servers')
@PathResource(McpServers, 'get')
export class McpServersController {
  constructor(
    private readonly servers: McpServers,
    private readonly inspection: McpInspection,
  ) {}

  @Post()
  @Access({ can: 'mcp:create' })
  @Replay((controller: McpServersController, id) => controller.get(id))
  create(@Body() dto: CreateMcpServerDto): Promise<McpServerDto> {
    return this.servers.create(dto);
  }

  @Get()
  @Access({ can: 'mcp:read' })
  list(@Query() query: PageQuery): Promise<McpServerPage> {
    return this.servers.list(query);
  }

  @Get(':id')
  @Access({ can: 'mcp:read' })
  get(@ServerId() id: string): Promise<McpServerDto> {
    return this.servers.get(id);
  }

  @Patch(':id')
  @Access({ can: 'mcp:update' })
  @ApiConflictResponse({ description: 'The name is taken, or it is a built-in' })
  update(@ServerId() id: string, @Body() dto: UpdateMcpServerDto): Promise<McpServerDto> {
    return this.servers.update(id, dto);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'mcp:delete' })
  @ApiConflictResponse({ description: 'It is a built-in' })
  remove(@ServerId() id: string): Promise<void> {
    return this.servers.remove(id);
  }

  /** Connects to the server and asks. */
  @Get(':id/discover')
  @Access({ can: 'mcp:read' })
  @AsksServer()
  discover(@ServerId() id: string): Promise<McpDiscoveryDto> {
    return this.inspection.discover(id);
  }

  /** As the server last gave them; it is not asked. */
  @Get(':id/tools')
  @Access({ can: 'mcp:read' })
  tools(@ServerId() id: string): Promise<McpToolListDto> {
    return this.inspection.tools(id);
  }

  @Post(':id/resources/read')
  @HttpCode(200)
  @Access({ can: 'mcp:execute' })
  @AsksServer()
  @Replay(false)
  readResource(@ServerId() id: string, @Body() dto: ReadResourceDto): Promise<McpResourceDto> {
    return this.inspection.readResource(id, dto);
  }

  @Post(':id/prompts/get')
  @HttpCode(200)
  @Access({ can: 'mcp:execute' })
  @AsksServer()
  @Replay(false)
  getPrompt(@ServerId() id: string, @Body() dto: GetPromptDto): Promise<McpPromptDto> {
    return this.inspection.getPrompt(id, dto);
  }

  /** Connects to the server and asks whether it is there. */
  @Get(':id/health')
  @Access({ can: 'mcp:read' })
  health(@ServerId() id: string): Promise<McpHealthDto> {
    return this.inspection.health(id);
  }
}
