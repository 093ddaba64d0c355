import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsISO8601,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
} from 'class-validator';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';
import { AreScopes } from './are-scopes.js';

/** What the strict ISO 8601 of class-validator lets through and `Date` does not read: weeks, ordinals, commas. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

export class CreateApiKeyDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name: string;

  /**
   * Permissions such as `agents:read`, `agents:*`, `*:read`; absent: all that its user may. What the user's role does
   * not allow, the key may not either.
   */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @ArrayUnique()
  @AreScopes()
  scopes?: string[] | null;

  /** ISO 8601 with a time zone; absent: it does not end. */
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(INSTANT, { message: 'expiresAt must be a time like 2030-12-31T23:59:59Z' })
  expiresAt?: string | null;
}

export class ApiKeyDto {
  id: string;
  name: string;
  /** The first characters of the key. */
  prefix: string;
  /** Null: all that its user may. */
  scopes: string[] | null;
  /** ISO 8601, UTC. */
  expiresAt: string | null;
  /** ISO 8601, UTC; to the minute. */
  lastUsedAt: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class NewApiKeyDto extends ApiKeyDto {
  /** Shown only this once. */
  key: string;
}

export class ListApiKeysQuery extends PageQuery {}

export class ApiKeyPage extends pageOf(ApiKeyDto) {}
