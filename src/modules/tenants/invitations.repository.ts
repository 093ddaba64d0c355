import { Injectable } from '@nestjs/common';
import type { Role } from '../../contracts/permissions.js';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';

export interface InvitationRow {
  id: string;
  userId: string;
  tenantId: string;
  tenantName: string;
  tenantSlug: string;
  role: Role;
  status: 'active' | 'pending';
  createdAt: Date;
}

const SELECT = `
  SELECT m.invitation_id AS id, m.user_id AS "userId", t.id AS "tenantId", t.name AS "tenantName",
         t.slug AS "tenantSlug", m.role, m.status, m.created_at AS "createdAt"
  FROM memberships m JOIN tenants t ON t.id = m.tenant_id AND t.status = 'active' AND t.deleted_at IS NULL
  WHERE m.user_id = :userId`;

/** One user's memberships, in whichever tenant. */
@Injectable()
export class InvitationsRepository {
  constructor(private readonly db: Db) {}

  async pending(userId: string): Promise<InvitationRow[]> {
    return runAs(Actor.system('the invitations of one user'), () =>
      this.db.systemSql<InvitationRow>(`${SELECT} AND m.status = 'pending' ORDER BY m.invitation_id DESC`, { userId }),
    );
  }

  /** Also one that was accepted. */
  async find(userId: string, id: string): Promise<InvitationRow | null> {
    return runAs(Actor.system('the invitations of one user'), async () => {
      const [row] = await this.db.systemSql<InvitationRow>(`${SELECT} AND m.invitation_id = :id`, { userId, id });
      return row ?? null;
    });
  }

  /** In the current tenant; false when there is nothing to accept. */
  async accept(userId: string, id: string): Promise<boolean> {
    const rows = await this.db.sql(
      `UPDATE memberships SET status = 'active', updated_at = now()
       WHERE tenant_id = :tenantId AND user_id = :userId AND invitation_id = :id AND status = 'pending'
       RETURNING user_id`,
      { userId, id },
    );
    return rows.length > 0;
  }
}
