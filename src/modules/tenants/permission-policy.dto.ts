import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsNotEmpty,
  IsObject,
  IsString,
  MaxLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { ArePatterns } from './argument-patterns.js';

/** Null would be stored and then mean something else than absent. */
const given = (_dto: unknown, value: unknown): boolean => value !== undefined;

export class PermissionRuleDto {
  /**
   * `server:tool`; `*` stands for any characters.
   * @example filesystem:read*
   */
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  tool: string;

  /**
   * JSONPath into the call's arguments, each with the pattern its value must match.
   * @example { "$.path": "docs/*" }
   */
  @ValidateIf(given)
  @IsObject()
  @ArePatterns()
  arguments?: Record<string, string>;

  @IsIn(['allow', 'ask', 'deny'])
  action: 'allow' | 'ask' | 'deny';
}

/** Within a level the first matching rule, else its default; across levels the strictest. */
export class PermissionPolicyDto {
  @ValidateIf(given)
  @IsIn(['allow', 'ask', 'deny'])
  default?: 'allow' | 'ask' | 'deny';

  @ValidateIf(given)
  @IsArray()
  @ArrayMaxSize(200)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => PermissionRuleDto)
  rules?: PermissionRuleDto[];
}
