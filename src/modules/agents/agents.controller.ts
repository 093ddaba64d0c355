import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { Id } from '../../platform/http/id.decorator.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { AgentDto, AgentPage, CreateAgentDto, ListAgentsQuery, UpdateAgentDto } from './agents.dto.js';
import { AgentsService } from './agents.service.js';

@Controller('agents')
@PathResource(AgentsService, 'require')
export class AgentsController {
  constructor(private readonly agents: AgentsService) {}

  @Post()
  @Access({ can: 'agents:create' })
  @Replay((controller: AgentsController, id) => controller.get(id))
  create(@Body() dto: CreateAgentDto): Promise<AgentDto> {
    return this.agents.create(dto);
  }

  @Get()
  @Access({ can: 'agents:read' })
  list(@Query() query: ListAgentsQuery): Promise<AgentPage> {
    return this.agents.list(query);
  }

  @Get(':id')
  @Access({ can: 'agents:read' })
  get(@Id() id: string): Promise<AgentDto> {
    return this.agents.get(id);
  }

  @Patch(':id')
  @Access({ can: 'agents:update' })
  update(@Id() id: string, @Body() dto: UpdateAgentDto): Promise<AgentDto> {
    return this.agents.update(id, dto);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'agents:delete' })
  remove(@Id() id: string): Promise<void> {
    return this.agents.remove(id);
  }
}
