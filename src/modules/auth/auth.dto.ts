import { IsNotEmpty, IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { IsAddress } from '../tenants/email-address.dto.js';
import { TenantReferenceDto } from '../tenants/tenant.dto.js';

export class LoginDto {
  @IsAddress()
  email: string;

  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  password: string;

  /** Slug; absent: the tenant that was used last. */
  @IsOptional()
  @IsString()
  @MaxLength(63)
  tenant?: string | null;
}

export class RefreshDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(2000)
  refreshToken: string;
}

export class SwitchTenantDto {
  /** Slug. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(63)
  tenant: string;
}

export class ChangePasswordDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  currentPassword: string;

  @IsString()
  @MinLength(8)
  @MaxLength(200)
  newPassword: string;
}

export class UserDto {
  id: string;
  email: string;
  name: string;
}

export class TokenPairDto {
  accessToken: string;
  /** To be used once: the answer brings the next one, and using one twice ends the login. */
  refreshToken: string;
  tokenType: 'Bearer';
  /** Seconds until the access token ends. */
  expiresIn: number;
  user: UserDto;
  tenant: TenantReferenceDto;
}

export class MeDto {
  user: UserDto;
  tenant: TenantReferenceDto;
  role: 'viewer' | 'member' | 'admin' | 'owner';
  /** What this credential may do now; `resource:verb`. */
  permissions: string[];
  superadmin: boolean;
}
