import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { IsInstant } from '../../platform/http/instant.decorator.js';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';
import { MaxJsonBytes, METADATA_BYTES } from '../../platform/http/max-json-bytes.decorator.js';
import { PermissionPolicyDto } from '../tenants/permission-policy.dto.js';
import { IsObjectSchema } from './client-tools/object-schema.decorator.js';
import { SESSION_PATTERNS, SESSION_STATUSES, type SessionStatus } from './session.entity.js';
import { UsageDto } from './usage.dto.js';

/** Of whatever was sent in a tool's place. */
function nameOf(tool: Partial<ClientToolDto> | null): unknown {
  return tool?.name;
}

const SESSION_SORTS = ['createdAt', 'lastActivityAt'] as const;

export class ClientToolDto {
  @IsString()
  @Matches(/^[A-Za-z0-9_-]{1,64}$/)
  name: string;

  @IsString()
  @MaxLength(4000)
  description: string;

  /** JSON Schema of an object; at most 64 KiB of JSON. */
  @IsObject()
  @MaxJsonBytes(METADATA_BYTES)
  @IsObjectSchema()
  inputSchema: Record<string, unknown>;
}

export class UpdateSessionDto {
  @IsOptional()
  @IsString()
  @MaxLength(500)
  title?: string | null;

  @IsOptional()
  @IsIn(['private', 'tenant'])
  visibility?: 'private' | 'tenant';

  /** Used instead of the agent's. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  model?: string | null;

  /** Used instead of the agent's. */
  @IsOptional()
  @IsString()
  @MaxLength(200_000)
  systemPrompt?: string | null;

  /** Used instead of the agent's. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(200)
  @ArrayUnique()
  @IsString({ each: true })
  @Matches(/^[A-Za-z0-9_-]{1,64}:.{1,200}$/, { each: true, message: 'each value in tools must look like server:tool' })
  tools?: string[] | null;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => PermissionPolicyDto)
  permissionPolicy?: PermissionPolicyDto | null;

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(METADATA_BYTES)
  metadata?: Record<string, unknown> | null;
}

/** What a session begins with, whether a body says it or a template. */
export class SessionDefinitionDto extends UpdateSessionDto {
  @IsOptional()
  @IsUUID('all')
  agentId?: string | null;

  @IsOptional()
  @IsIn(SESSION_PATTERNS)
  pattern?: (typeof SESSION_PATTERNS)[number];

  /** The state of the application around the conversation, shown to the model as data; at most 64 KiB of JSON. */
  @IsOptional()
  @IsObject()
  context?: Record<string, unknown> | null;

  /** Tools that the client itself carries out. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @ArrayUnique(nameOf, { message: 'clientTools must have names of their own' })
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => ClientToolDto)
  clientTools?: ClientToolDto[] | null;
}

export class CreateSessionDto extends SessionDefinitionDto {
  /** Fields that are not given are the template's; null is the default, whatever the template says. */
  @IsOptional()
  @IsUUID('all')
  templateId?: string | null;
}

export class ListSessionsQuery extends PageQuery {
  @IsOptional()
  @IsIn(SESSION_STATUSES)
  status?: SessionStatus;

  @IsOptional()
  @IsUUID('all')
  agentId?: string;

  @IsOptional()
  @IsIn(SESSION_PATTERNS)
  pattern?: (typeof SESSION_PATTERNS)[number];

  @IsOptional()
  @IsUUID('all')
  createdBy?: string;

  /** The earliest; ISO 8601, a day begins at midnight UTC. */
  @IsOptional()
  @IsInstant()
  createdAfter?: string;

  /** Up to here, not included; ISO 8601, a day begins at midnight UTC. */
  @IsOptional()
  @IsInstant()
  createdBefore?: string;

  /**
   * Words that the title or one message holds, all of them, each from its beginning on. Best first. Where more hold them,
   * of the tenant's newest 10,000 titles and newest 10,000 messages that do.
   */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  search?: string;

  /** Newest first. Absent: `createdAt`, or with `search` the best first. */
  @IsOptional()
  @IsIn(SESSION_SORTS)
  sort?: (typeof SESSION_SORTS)[number];
}

export class ForkedFromDto {
  sessionId: string;
  messageId: string | null;
}

export class SessionDto {
  id: string;
  agentId: string | null;
  title: string | null;
  pattern: (typeof SESSION_PATTERNS)[number];
  visibility: 'private' | 'tenant';
  status: SessionStatus;
  model: string | null;
  systemPrompt: string | null;
  tools: string[] | null;
  permissionPolicy: PermissionPolicyDto | null;
  context: Record<string, unknown>;
  clientTools: ClientToolDto[];
  metadata: Record<string, unknown>;
  createdBy: string | null;
  messageCount: number;
  forkedFrom: ForkedFromDto | null;
  /** The run whose agent asked for this session; null where a person did. */
  parentRunId: string | null;
  /** Where a person began what came to this session; null: here. */
  rootSessionId: string | null;
  usage: UsageDto;
  /** ISO 8601, UTC. */
  lastActivityAt: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  updatedAt: string;
}

export class SessionPage extends pageOf(SessionDto) {}
