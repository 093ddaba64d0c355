import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { MaxJsonBytes } from '../../platform/http/max-json-bytes.decorator.js';
import { pageOf } from '../../platform/http/pagination.js';
import { ToolPolicyDto } from './tool-policy.dto.js';

const TRANSPORTS = ['http', 'sse', 'stdio', 'builtin'] as const;
const NAME = /^[a-z0-9_-]{1,32}$/;
const NAME_RULE = { message: 'name must be 1 to 32 of the characters a-z, 0-9, _ and -' };

/** Null would be stored and then mean something else than absent. */
const given = (_dto: unknown, value: unknown): boolean => value !== undefined;

export class McpOAuthDto {
  /** `user`: each user connects an account of their own. */
  @IsIn(['tenant', 'user'])
  identity: 'tenant' | 'user';
}

class McpServerFieldsDto {
  /** Of `http` and `sse`; without user name and password. */
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  url?: string | null;

  /**
   * Sent with every request; answers show the names alone. With a `url` of another origin those there are have to be
   * given anew, or null; another `transport` leaves none.
   */
  @IsOptional()
  @IsObject()
  headers?: Record<string, string> | null;

  /** Of `stdio`: a name in the operator's registry. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  command?: string | null;

  /** What fills the slots of the command, in their order. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @MaxLength(1000, { each: true })
  args?: string[] | null;

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => McpOAuthDto)
  oauth?: McpOAuthDto | null;

  @IsOptional()
  @IsBoolean()
  enabled?: boolean | null;

  /** For one call; progress begins it anew. */
  @IsOptional()
  @IsInt()
  @Min(100)
  @Max(3_600_000)
  timeoutMs?: number | null;

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(64 * 1024)
  @ValidateNested()
  @Type(() => ToolPolicyDto)
  toolPolicy?: ToolPolicyDto | null;
}

export class CreateMcpServerDto extends McpServerFieldsDto {
  @IsString()
  @Matches(NAME, NAME_RULE)
  name: string;

  @IsIn(TRANSPORTS)
  transport: (typeof TRANSPORTS)[number];
}

export class UpdateMcpServerDto extends McpServerFieldsDto {
  @ValidateIf(given)
  @IsString()
  @Matches(NAME, NAME_RULE)
  name?: string;

  @ValidateIf(given)
  @IsIn(TRANSPORTS)
  transport?: (typeof TRANSPORTS)[number];
}

export class McpServerDto {
  /** Of a built-in its name. */
  id: string;
  name: string;
  transport: 'http' | 'sse' | 'stdio' | 'builtin';
  url: string | null;
  /** Their names alone. */
  headers: string[];
  command: string | null;
  args: string[];
  oauth: McpOAuthDto | null;
  enabled: boolean;
  timeoutMs: number | null;
  toolPolicy: ToolPolicyDto | null;
  createdBy: string | null;
  /** ISO 8601, UTC; null for built-ins. */
  createdAt: string | null;
  /** ISO 8601, UTC; null for built-ins. */
  updatedAt: string | null;
}

export class McpServerPage extends pageOf(McpServerDto) {}
