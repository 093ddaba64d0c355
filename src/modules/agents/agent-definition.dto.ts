import type { PermissionPolicyDto } from '../tenants/permission-policy.dto.js';
import type { ResourceLimitsDto } from './resource-limits.dto.js';

/** A definition as it is shown, without what belongs to its tenant. */
export class PortableDefinitionDto {
  description: string;
  systemPrompt: string;
  model: string | null;
  fallbackModels: string[];
  temperature: number | null;
  capabilities: string[];
  tools: string[];
  permissionPolicy: PermissionPolicyDto | null;
  outputSchema: Record<string, unknown> | null;
  resourceLimits: ResourceLimitsDto;
  metadata: Record<string, unknown>;
}

export class DefinitionDto extends PortableDefinitionDto {
  collectionIds: string[];
}
