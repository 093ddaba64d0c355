import { Type } from 'class-transformer';
import { IsNotEmpty, IsObject, IsOptional, IsString, MaxLength, ValidateIf, ValidateNested } from 'class-validator';
import { MaxJsonBytes, METADATA_BYTES } from '../../platform/http/max-json-bytes.decorator.js';
import { PermissionPolicyDto } from './permission-policy.dto.js';

/** A tenant as others refer to it. */
export class TenantReferenceDto {
  id: string;
  name: string;
  slug: string;
}

export class TenantDto {
  id: string;
  name: string;
  /** Never changes, and is never given to another tenant. */
  slug: string;
  /** Decides the class of the rate limits. */
  plan: 'standard' | 'premium';
  status: 'active' | 'suspended';
  /** Which tools may be called; null allows all that nothing else restricts. */
  permissionPolicy: PermissionPolicyDto | null;
  metadata: Record<string, unknown>;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  updatedAt: string;
}

export class UpdateTenantDto {
  @ValidateIf((_dto, value) => value !== undefined)
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name?: string;

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
