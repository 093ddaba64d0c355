import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';
import { IsAddress } from './email-address.dto.js';
import { TenantDto } from './tenant.dto.js';

export class FirstOwnerDto {
  /** Stored in lower case. */
  @IsAddress()
  email: string;

  /** Used only for a user who is new to this installation; others keep theirs and have to accept. */
  @IsOptional()
  @IsString()
  @MinLength(8)
  @MaxLength(200)
  password?: string | null;
}

export class CreateTenantDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name: string;

  /** Never given twice, not even after the tenant is gone. */
  @IsString()
  @Matches(/^[a-z0-9][a-z0-9-]{1,62}$/, { message: 'slug must be 2 to 63 of a-z, 0-9 and -, not beginning with -' })
  slug: string;

  @IsObject()
  @ValidateNested()
  @Type(() => FirstOwnerDto)
  owner: FirstOwnerDto;

  @ValidateIf((_dto, value) => value !== undefined)
  @IsIn(['standard', 'premium'])
  plan?: 'standard' | 'premium';
}

export class AdministerTenantDto {
  @ValidateIf((_dto, value) => value !== undefined)
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name?: string;

  @ValidateIf((_dto, value) => value !== undefined)
  @IsIn(['standard', 'premium'])
  plan?: 'standard' | 'premium';

  /** `suspended` shuts its people, keys and sockets out and lets its runs wait; `active` undoes that. */
  @ValidateIf((_dto, value) => value !== undefined)
  @IsIn(['active', 'suspended'])
  status?: 'active' | 'suspended';
}

export class ListTenantsQuery extends PageQuery {
  /** True lists those that were deleted and can still be restored, instead of the living. */
  @IsOptional()
  @Type(() => Boolean)
  @IsBoolean()
  deleted?: boolean;
}

export class AdministeredTenantDto extends TenantDto {
  /** ISO 8601, UTC; null for a living one. */
  deletedAt: string | null;
}

export class AdministeredTenantPage extends pageOf(AdministeredTenantDto) {}
