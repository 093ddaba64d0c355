import { IsIn, IsNotEmpty, IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';
import { ROLES, type Role } from '../../contracts/permissions.js';
import { IsAddress } from './email-address.dto.js';

export class MemberDto {
  userId: string;
  email: string;
  /** Of who has not accepted yet, no more than what their address says. */
  name: string;
  role: 'viewer' | 'member' | 'admin' | 'owner';
  /** `pending` until the user accepts the invitation. */
  status: 'active' | 'pending';
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class MemberPage extends pageOf(MemberDto) {}

export class ListMembersQuery extends PageQuery {}

export class AddMemberDto {
  /** Stored in lower case. */
  @IsAddress()
  email: string;

  /** At most the caller's own. */
  @IsIn(ROLES)
  role: Role;

  /** Used only for a user who is new to this installation; others keep theirs and have to accept. */
  @IsOptional()
  @IsString()
  @MinLength(8)
  @MaxLength(200)
  password?: string | null;

  /** Used only for a user who is new to this installation. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name?: string | null;
}

export class UpdateMemberDto {
  /** At most the caller's own. */
  @IsIn(ROLES)
  role: Role;
}
