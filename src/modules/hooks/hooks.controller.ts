import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PageQuery } from '../../platform/http/pagination.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { CreateHookDto, HookDto, HookPage, NewHookDto, UpdateHookDto } from './hooks.dto.js';
import { HooksService } from './hooks.service.js';

@Controller('hooks')
@PathResource(HooksService, 'get')
export class HooksController {
  constructor(private readonly hooks: HooksService) {}

  /** The answer is the only one that shows the secret. */
  @Post()
  @Access({ can: 'mcp:create' })
  @Replay(false)
  @ApiConflictResponse({ description: 'There are 50 hooks already' })
  create(@Body() dto: CreateHookDto): Promise<NewHookDto> {
    return this.hooks.create(dto);
  }

  @Get()
  @Access({ can: 'mcp:read' })
  list(@Query() query: PageQuery): Promise<HookPage> {
    return this.hooks.list(query);
  }

  @Get(':id')
  @Access({ can: 'mcp:read' })
  get(@Id() id: string): Promise<HookDto> {
    return this.hooks.get(id);
  }

  @Patch(':id')
  @Access({ can: 'mcp:update' })
  update(@Id() id: string, @Body() dto: UpdateHookDto): Promise<HookDto> {
    return this.hooks.update(id, dto);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'mcp:delete' })
  remove(@Id() id: string): Promise<void> {
    return this.hooks.remove(id);
  }
}
