import { Type } from 'class-transformer';
import { Equals, IsObject, ValidateNested } from 'class-validator';
import { PortableDefinitionDto } from './agent-definition.dto.js';
import { PortableAgentDto } from './agents.dto.js';

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

export class ExportedAgentDto extends PortableDefinitionDto {
  name: string;
}

/** What `POST /agents/import` takes. */
export class AgentExportDto {
  format: typeof EXPORT_FORMAT;
  formatVersion: typeof EXPORT_VERSION;
  agent: ExportedAgentDto;
}
