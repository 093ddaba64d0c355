import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PageQuery } from '../../../platform/http/pagination.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import {
  CreateSessionTemplateDto,
  SessionTemplateDto,
  SessionTemplatePage,
  UpdateSessionTemplateDto,
} from './session-templates.dto.js';
import { SessionTemplates } from './session-templates.service.js';

@Controller('session-templates')
@PathResource(SessionTemplates, 'get')
export class SessionTemplatesController {
  constructor(private readonly templates: SessionTemplates) {}

  @Post()
  @Access({ can: 'sessions:create' })
  @Replay((controller: SessionTemplatesController, id) => controller.get(id))
  create(@Body() dto: CreateSessionTemplateDto): Promise<SessionTemplateDto> {
    return this.templates.create(dto);
  }

  @Get()
  @Access({ can: 'sessions:read' })
  list(@Query() query: PageQuery): Promise<SessionTemplatePage> {
    return this.templates.list(query);
  }

  @Get(':id')
  @Access({ can: 'sessions:read' })
  get(@Id() id: string): Promise<SessionTemplateDto> {
    return this.templates.get(id);
  }

  @Patch(':id')
  @Access({ can: 'sessions:update' })
  update(@Id() id: string, @Body() dto: UpdateSessionTemplateDto): Promise<SessionTemplateDto> {
    return this.templates.update(id, dto);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'sessions:delete' })
  remove(@Id() id: string): Promise<void> {
    return this.templates.remove(id);
  }
}
