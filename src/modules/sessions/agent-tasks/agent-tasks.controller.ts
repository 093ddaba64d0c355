import { Controller, Get, Query } from '@nestjs/common';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import {
  AgentMessagePage,
  AgentTaskDto,
  AgentTaskPage,
  ListAgentMessagesQuery,
  ListAgentTasksQuery,
} from './agent-tasks.dto.js';
import { AgentTasksService } from './agent-tasks.service.js';

@Controller()
export class AgentTasksController {
  constructor(private readonly tasks: AgentTasksService) {}

  /** What agents asked of agents; in sessions that the caller may see. */
  @Get('agent-tasks')
  @Access({ can: 'sessions:read' })
  list(@Query() query: ListAgentTasksQuery): Promise<AgentTaskPage> {
    return this.tasks.list(query);
  }

  @Get('agent-tasks/:id')
  @Access({ can: 'sessions:read' })
  @PathResource(AgentTasksService, 'get')
  get(@Id() id: string): Promise<AgentTaskDto> {
    return this.tasks.get(id);
  }

  /** What agents said to each other: requests, and what came of them. */
  @Get('agent-messages')
  @Access({ can: 'sessions:read' })
  messages(@Query() query: ListAgentMessagesQuery): Promise<AgentMessagePage> {
    return this.tasks.messages(query);
  }
}
