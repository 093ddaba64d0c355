import { Injectable } from '@nestjs/common';
import { AgentsService } from '../agents/agents.service.js';
import { StoredResources } from './stored-resources.js';

@Injectable()
export class AgentResources extends StoredResources {
  constructor(agents: AgentsService) {
    const description = 'An agent of this tenant: its instructions, model, tools and limits';
    super({ kind: 'agent', permission: 'agents:read', description }, agents);
  }
}
