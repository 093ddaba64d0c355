import { Injectable } from '@nestjs/common';
import { Conflict, NotFound } from '../../contracts/errors.js';
import type { TenantActor } from '../../platform/access/actor.js';
import { currentTenantActor, runAs } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import type { InvitationDto, InvitationList, MembershipDto } from './invitations.dto.js';
import { InvitationsRepository, type InvitationRow } from './invitations.repository.js';

/** What other tenants ask the caller to join. */
@Injectable()
export class InvitationsService {
  constructor(
    private readonly invitations: InvitationsRepository,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  async list(): Promise<InvitationList> {
    const rows = await this.invitations.pending(callerId());
    return { data: rows.map(shown) };
  }

  /** @throws NotFound for another user's, too */
  async require(id: string): Promise<InvitationRow> {
    const invitation = await this.invitations.find(callerId(), id);
    if (!invitation) throw new NotFound('Invitation');
    return invitation;
  }

  /** @throws NotFound */
  async membership(id: string): Promise<MembershipDto> {
    const row = await this.require(id);
    return { ...shown(row), userId: row.userId, status: row.status };
  }

  /** @throws NotFound, Conflict when it is not open any more */
  async accept(id: string): Promise<MembershipDto> {
    const { userId, tenantId } = await this.require(id);
    // The one thing that somebody does in a tenant before belonging to it.
    const guest: TenantActor = {
      ...currentTenantActor(),
      tenantId,
      role: null,
      permissions: new Set(),
      superadmin: false,
    };
    await runAs(guest, () =>
      this.db.run(async () => {
        const accepted = await this.invitations.accept(userId, id);
        if (!accepted) throw new Conflict('This invitation is not open any more');
        await this.events.publish('member.accepted', {
          resourceType: 'member',
          resourceId: userId,
          payload: { userId },
        });
      }),
    );
    return this.membership(id);
  }
}

function callerId(): string {
  const { userId } = currentTenantActor();
  if (userId === null) throw new Error('Invitations belong to a user');
  return userId;
}

function shown(row: InvitationRow): InvitationDto {
  return {
    id: row.id,
    tenant: { id: row.tenantId, name: row.tenantName, slug: row.tenantSlug },
    role: row.role,
    createdAt: row.createdAt.toISOString(),
  };
}
