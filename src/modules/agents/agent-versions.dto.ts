import { IsInt, Max, Min } from 'class-validator';
import { pageOf } from '../../platform/http/pagination.js';
import { DefinitionDto } from './agent-definition.dto.js';

export class RollbackAgentDto {
  /** The version whose name and definition come back, as a new version. */
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version: number;
}

export class AgentVersionDto extends DefinitionDto {
  version: number;
  name: string;
  /** Who made this version. */
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class AgentVersionPage extends pageOf(AgentVersionDto) {}
