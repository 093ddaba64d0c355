import { ApiProperty } from '@nestjs/swagger';
import { TenantReferenceDto } from './tenant.dto.js';

export class InvitationDto {
  id: string;
  @ApiProperty({ type: TenantReferenceDto, description: 'Who invites' })
  tenant: TenantReferenceDto;
  role: 'viewer' | 'member' | 'admin' | 'owner';
  /** ISO 8601, UTC. */
  createdAt: string;
}

export class InvitationList {
  data: InvitationDto[];
}

/** What became of an accepted invitation. */
export class MembershipDto extends InvitationDto {
  userId: string;
  status: 'active' | 'pending';
}
