import { Type } from 'class-transformer';
import { Equals, IsObject, ValidateNested } from 'class-validator';
import { PermissionPolicyDto } from '../tenants/permission-policy.dto.js';
import { PortableAgentDto, ResourceLimitsDto } from './agents.dto.js';

export const EXPORT_FORMAT = 'atrium.agent';
export const EXPORT_VERSION = 1;

export class ImportAgentDto {
  @Equals(EXPORT_FORMAT)
  format: typeof EXPORT_FORMAT;

  @Equals(EXPORT_VERSION)
  formatVersion: typeof EXPORT_VERSION;

  @IsObject()
  @ValidateNested()
  @Type(() => PortableAgentDto)
  agent: PortableAgentDto;
}

/** A definition without what belongs to its tenant: no ids, no collections, no people. */
export class ExportedAgentDto {
  name: string;
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

/** What `POST /agents/import` takes. */
export class AgentExportDto {
  format: typeof EXPORT_FORMAT;
  formatVersion: typeof EXPORT_VERSION;
  agent: ExportedAgentDto;
}
