import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { CreateSessionDto, ListSessionsQuery, SessionDto, SessionPage, UpdateSessionDto } from './sessions.dto.js';
import { SessionsService } from './sessions.service.js';

@Controller('sessions')
@PathResource(SessionsService, 'require')
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Post()
  @Access({ can: 'sessions:create' })
  @Replay((controller: SessionsController, id) => controller.get(id))
  create(@Body() dto: CreateSessionDto): Promise<SessionDto> {
    return this.sessions.create(dto);
  }

  @Get()
  @Access({ can: 'sessions:read' })
  list(@Query() query: ListSessionsQuery): Promise<SessionPage> {
    return this.sessions.list(query);
  }

  @Get(':id')
  @Access({ can: 'sessions:read' })
  get(@Id() id: string): Promise<SessionDto> {
    return this.sessions.get(id);
  }

  @Patch(':id')
  @Access({ can: 'sessions:update' })
  update(@Id() id: string, @Body() dto: UpdateSessionDto): Promise<SessionDto> {
    return this.sessions.update(id, dto);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'sessions:delete' })
  @ApiConflictResponse({ description: 'A run is on' })
  remove(@Id() id: string): Promise<void> {
    return this.sessions.remove(id);
  }
}
