import { IsInt, Max, Min } from 'class-validator';
import { pageOf } from '../../platform/http/pagination.js';
import { PermissionPolicyDto } from '../tenants/permission-policy.dto.js';
import { ResourceLimitsDto } from './agents.dto.js';

export class RollbackAgentDto {
  /** The version whose name and definition come back, as a new version. */
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version: number;
}

export class AgentVersionDto {
  version: number;
  name: string;
  description: string;
  systemPrompt: string;
  model: string | null;
  fallbackModels: string[];
  temperature: number | null;
  capabilities: string[];
  tools: string[];
  permissionPolicy: PermissionPolicyDto | null;
  collectionIds: string[];
  outputSchema: Record<string, unknown> | null;
  resourceLimits: ResourceLimitsDto;
  metadata: Record<string, unknown>;
  /** Who made this version. */
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class AgentVersionPage extends pageOf(AgentVersionDto) {}
