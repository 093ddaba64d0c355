import { IsString, Matches, MaxLength, ValidateIf } from 'class-validator';
import { pageOf } from '../../../platform/http/pagination.js';
import { PermissionPolicyDto } from '../../tenants/permission-policy.dto.js';
import type { SESSION_PATTERNS } from '../session.entity.js';
import { ClientToolDto, SessionDefinitionDto } from '../sessions.dto.js';

export class CreateSessionTemplateDto extends SessionDefinitionDto {
  @IsString()
  @Matches(/\S/, { message: 'name must not be empty' })
  @MaxLength(200)
  name: string;
}

export class UpdateSessionTemplateDto extends SessionDefinitionDto {
  @ValidateIf((_dto, value) => value !== undefined)
  @IsString()
  @Matches(/\S/, { message: 'name must not be empty' })
  @MaxLength(200)
  name?: string;
}

/** Null: the template does not say, and sessions made from it have the default. */
export class SessionTemplateDto {
  id: string;
  name: string;
  agentId: string | null;
  title: string | null;
  pattern: (typeof SESSION_PATTERNS)[number] | null;
  visibility: 'private' | 'tenant' | null;
  model: string | null;
  systemPrompt: string | null;
  tools: string[] | null;
  permissionPolicy: PermissionPolicyDto | null;
  context: Record<string, unknown> | null;
  clientTools: ClientToolDto[] | null;
  metadata: Record<string, unknown> | null;
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  updatedAt: string;
}

export class SessionTemplatePage extends pageOf(SessionTemplateDto) {}
