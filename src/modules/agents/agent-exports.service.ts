import { Injectable } from '@nestjs/common';
import { EXPORT_FORMAT, EXPORT_VERSION, type AgentExportDto, type ImportAgentDto } from './agent-export.dto.js';
import { DEFAULT_DEFINITION } from './agent-definition.js';
import type { AgentDto } from './agents.dto.js';
import { AgentsService } from './agents.service.js';
import { withCollections } from './kept-collections.js';

/** Agents as JSON that another tenant or installation can take. */
@Injectable()
export class AgentExportsService {
  constructor(private readonly agents: AgentsService) {}

  /** @throws NotFound */
  async export(id: string): Promise<AgentExportDto> {
    const { name, definition } = await this.agents.require(id);
    const { collectionIds: _ofTheTenant, ...agent } = withCollections({ ...DEFAULT_DEFINITION, ...definition }, []);
    return { format: EXPORT_FORMAT, formatVersion: EXPORT_VERSION, agent: { name, ...agent } } as AgentExportDto;
  }

  /** @throws ValidationFailed */
  import({ agent }: ImportAgentDto): Promise<AgentDto> {
    return this.agents.create(agent, 'agent.');
  }
}
