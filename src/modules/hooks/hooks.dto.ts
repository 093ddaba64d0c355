import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import { pageOf } from '../../platform/http/pagination.js';
import { HOOK_EVENTS, type HookEvent } from './hook.entity.js';

class HookFieldsDto {
  /** Of `tool.before` and `tool.after`: which calls, as `server:tool` with `*` for any characters; absent: all. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ArrayUnique()
  @IsString({ each: true })
  @Matches(/^\S.{0,299}$/, { each: true, message: 'each of tools must be a pattern such as server:tool or server:*' })
  tools?: string[] | null;

  /** How long an answer may take; absent: 5000. */
  @IsOptional()
  @IsInt()
  @Min(100)
  @Max(30_000)
  timeoutMs?: number | null;

  /**
   * What an error, a time-out or an answer that means nothing counts for. Absent: `deny` for `tool.before`, else
   * `allow`. With `deny` a `tool.after` keeps the result back, and a `run.started` fails the run. A `run.completed` is
   * told again instead, with the same `webhook-id` and ever more slowly, until it is answered with 2xx, for three days.
   */
  @IsOptional()
  @IsIn(['allow', 'deny'])
  onError?: 'allow' | 'deny' | null;

  /** False: kept, and not called. Absent: true. */
  @IsOptional()
  @IsBoolean()
  enabled?: boolean | null;
}

export class CreateHookDto extends HookFieldsDto {
  @IsIn(HOOK_EVENTS)
  event: HookEvent;

  /** Gets a POST signed as in Standard Webhooks. */
  @IsString()
  @MaxLength(2000)
  url: string;
}

export class UpdateHookDto extends HookFieldsDto {
  @ValidateIf((_dto, value) => value !== undefined)
  @IsIn(HOOK_EVENTS)
  event?: HookEvent;

  @ValidateIf((_dto, value) => value !== undefined)
  @IsString()
  @MaxLength(2000)
  url?: string;
}

export class HookDto {
  id: string;
  event: HookEvent;
  url: string;
  /** Null: all. */
  tools: string[] | null;
  timeoutMs: number;
  onError: 'allow' | 'deny';
  enabled: boolean;
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  updatedAt: string;
}

export class NewHookDto extends HookDto {
  /** `whsec_…`, by which the requests are signed; shown here alone. */
  secret: string;
}

export class HookPage extends pageOf(HookDto) {}
