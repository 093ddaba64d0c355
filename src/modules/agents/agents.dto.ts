import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { spelledAlike } from '../../platform/http/id.decorator.js';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';
import { MaxJsonBytes, METADATA_BYTES } from '../../platform/http/max-json-bytes.decorator.js';
import { PermissionPolicyDto } from '../tenants/permission-policy.dto.js';
import { DefinitionDto } from './agent-definition.dto.js';
import { ResourceLimitsDto } from './resource-limits.dto.js';

const TOOL = /^[A-Za-z0-9_-]{1,64}:.{1,200}$/;

/** What a definition may take with it to another installation. */
class PortableFieldsDto {
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(200_000)
  systemPrompt?: string | null;

  /** `name` or `provider:name`; absent or null: the installation's default. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  model?: string | null;

  /** Tried in this order when the model fails. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(10)
  @IsString({ each: true })
  fallbackModels?: string[] | null;

  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  temperature?: number | null;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(100, { each: true })
  capabilities?: string[] | null;

  /** `server:tool` or `server:*`. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(200)
  @ArrayUnique()
  @Matches(TOOL, { each: true, message: 'each value in tools must look like server:tool or server:*' })
  tools?: string[] | null;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => PermissionPolicyDto)
  permissionPolicy?: PermissionPolicyDto | null;

  /**
   * JSON Schema (draft 2020-12, at most 64 KiB, no references to the outside) that answers are held against: the text
   * of an answer is then JSON. `format` is not checked.
   */
  @IsOptional()
  @IsObject()
  outputSchema?: Record<string, unknown> | null;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => ResourceLimitsDto)
  resourceLimits?: ResourceLimitsDto | null;

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(METADATA_BYTES)
  metadata?: Record<string, unknown> | null;
}

/** All of a definition but the name, which one of them needs and the other does not. */
class AgentFieldsDto extends PortableFieldsDto {
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @ArrayUnique(spelledAlike)
  @IsUUID('all', { each: true })
  collectionIds?: string[] | null;
}

export class PortableAgentDto extends PortableFieldsDto {
  @IsString()
  @Matches(/\S/, { message: 'name must not be empty' })
  @MaxLength(200)
  name: string;
}

export class CreateAgentDto extends AgentFieldsDto {
  @IsString()
  @Matches(/\S/, { message: 'name must not be empty' })
  @MaxLength(200)
  name: string;
}

export class UpdateAgentDto extends AgentFieldsDto {
  @ValidateIf((_dto, value) => value !== undefined)
  @IsString()
  @Matches(/\S/, { message: 'name must not be empty' })
  @MaxLength(200)
  name?: string;
}

export class ListAgentsQuery extends PageQuery {
  /** Part of the name. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  search?: string;

  @IsOptional()
  @IsIn(['active', 'disabled'])
  status?: 'active' | 'disabled';
}

export class AgentDto extends DefinitionDto {
  id: string;
  name: string;
  version: number;
  status: 'active' | 'disabled';
  /** Entries of `tools` that name nothing that exists now. */
  unresolvedTools: string[];
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  updatedAt: string;
}

export class AgentPage extends pageOf(AgentDto) {}
