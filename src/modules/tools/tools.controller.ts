import { Body, Controller, Get, Param, Patch, Query } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { ListToolsQuery, ToolDto, ToolPage, UpdateToolDto } from './tools.dto.js';
import { ToolsService } from './tools.service.js';

@Controller('tools')
export class ToolsController {
  constructor(private readonly tools: ToolsService) {}

  /** Every tool that the tenant's agents could be given, by name. */
  @Get()
  @Access({ can: 'mcp:read' })
  list(@Query() query: ListToolsQuery): Promise<ToolPage> {
    return this.tools.list(query);
  }

  /** Give a tool to agents or take it from all of them, from their next run on; `enabled` agrees to a changed one. */
  @Patch(':name')
  @Access({ can: 'mcp:update' })
  @PathResource(ToolsService, 'get', 'name')
  setEnabled(@Param('name') name: string, @Body() { enabled }: UpdateToolDto): Promise<ToolDto> {
    return this.tools.setEnabled(name, enabled);
  }
}
