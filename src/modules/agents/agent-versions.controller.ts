import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { Id } from '../../platform/http/id.decorator.js';
import { PageQuery } from '../../platform/http/pagination.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { AgentVersionPage, RollbackAgentDto } from './agent-versions.dto.js';
import { AgentVersionsService } from './agent-versions.service.js';
import { AgentDto } from './agents.dto.js';
import { AgentsService } from './agents.service.js';

@Controller('agents')
@PathResource(AgentsService, 'require')
export class AgentVersionsController {
  constructor(
    private readonly agents: AgentsService,
    private readonly versions: AgentVersionsService,
  ) {}

  @Get(':id/versions')
  @Access({ can: 'agents:read' })
  list(@Id() id: string, @Query() query: PageQuery): Promise<AgentVersionPage> {
    return this.versions.list(id, query);
  }

  @Post(':id/rollback')
  @HttpCode(200)
  @Access({ can: 'agents:update' })
  @Replay((controller: AgentVersionsController, id) => controller.agents.get(id))
  rollback(@Id() id: string, @Body() dto: RollbackAgentDto): Promise<AgentDto> {
    return this.versions.rollback(id, dto.version);
  }
}
