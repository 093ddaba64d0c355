import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { InvitationList, MembershipDto } from '../tenants/invitations.dto.js';
import { InvitationsService } from '../tenants/invitations.service.js';

@Controller('auth/invitations')
@PathResource(InvitationsService, 'require')
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  /** Tenants that ask the caller to join. */
  @Get()
  @Access({ apiKeys: false })
  list(): Promise<InvitationList> {
    return this.invitations.list();
  }

  @Post(':id/accept')
  @HttpCode(200)
  @Access({ apiKeys: false })
  @ApiConflictResponse({ description: 'Accepted before' })
  @Replay((controller: InvitationsController, id) => controller.membership(id))
  accept(@Id() id: string): Promise<MembershipDto> {
    return this.invitations.accept(id);
  }

  private membership(id: string): Promise<MembershipDto> {
    return this.invitations.membership(id);
  }
}
