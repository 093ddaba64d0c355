import { Injectable } from '@nestjs/common';
import type { Role } from '../../contracts/permissions.js';
import { Db } from '../../platform/database/db.js';

export interface MemberRow {
  /** That of the invitation: it grows with time, so it orders the list. */
  id: string;
  userId: string;
  email: string;
  name: string;
  role: Role;
  status: 'active' | 'pending';
  createdAt: Date;
}

interface NewMember {
  id: string;
  userId: string;
  role: Role;
}

interface Newcomer extends NewMember {
  email: string;
  name: string;
  passwordHash: string | null;
}

export interface LockedMember {
  userId: string;
  role: Role;
  status: 'active' | 'pending';
}

/** Who has not accepted is not yet this tenant's to know more of than the address it invited. */
const COLUMNS = `m.invitation_id AS id, m.user_id AS "userId", u.email,
  CASE m.status WHEN 'pending' THEN split_part(u.email, '@', 1) ELSE u.name END AS name,
  m.role, m.status, m.created_at AS "createdAt"`;

@Injectable()
export class MembersRepository {
  constructor(private readonly db: Db) {}

  async list(before: string | null, limit: number): Promise<MemberRow[]> {
    return this.db.sql<MemberRow>(
      `SELECT ${COLUMNS} FROM memberships m JOIN users u ON u.id = m.user_id
       WHERE m.tenant_id = :tenantId AND (:before::uuid IS NULL OR m.invitation_id < :before)
       ORDER BY m.invitation_id DESC LIMIT :limit`,
      { before, limit },
    );
  }

  /** Those of them that belong to the tenant, or are asked to. */
  async among(userIds: readonly string[]): Promise<string[]> {
    const rows = await this.db.sql<{ userId: string }>(
      'SELECT user_id AS "userId" FROM memberships WHERE tenant_id = :tenantId AND user_id = ANY (:userIds::uuid[])',
      { userIds },
    );
    return rows.map(({ userId }) => userId);
  }

  async find(userId: string): Promise<MemberRow | null> {
    const [row] = await this.db.sql<MemberRow>(
      `SELECT ${COLUMNS} FROM memberships m JOIN users u ON u.id = m.user_id
       WHERE m.tenant_id = :tenantId AND m.user_id = :userId`,
      { userId },
    );
    return row ?? null;
  }

  /** False when the user is a member or invited already. */
  async invite(member: NewMember): Promise<boolean> {
    const rows = await this.db.sql(
      `INSERT INTO memberships (tenant_id, user_id, invitation_id, role, status)
       VALUES (:tenantId, :userId, :id, :role, 'pending')
       ON CONFLICT (tenant_id, user_id) DO NOTHING RETURNING user_id`,
      { ...member },
    );
    return rows.length > 0;
  }

  /** Makes a user who belongs to nobody yet, and an active member of them. */
  async bringIn(newcomer: Newcomer): Promise<void> {
    await this.db.sql(
      `WITH newcomer AS (
         INSERT INTO users (id, email, name, password_hash) VALUES (:userId, :email, :name, :passwordHash))
       INSERT INTO memberships (tenant_id, user_id, invitation_id, role, status)
       VALUES (:tenantId, :userId, :id, :role, 'active')`,
      { ...newcomer },
    );
  }

  /**
   * The member and all owners, locked until the transaction ends: of two changes to the last two owners, the second
   * sees what the first has done. One statement in one order, so that two changes never wait for each other.
   */
  async lockWithOwners(userId: string): Promise<{ member: LockedMember | null; activeOwners: number }> {
    const rows = await this.db.sql<LockedMember>(
      `SELECT user_id AS "userId", role, status FROM memberships
       WHERE tenant_id = :tenantId AND (user_id = :userId OR role = 'owner')
       ORDER BY user_id FOR UPDATE`,
      { userId },
    );
    return {
      member: rows.find((row) => row.userId === userId) ?? null,
      activeOwners: rows.filter((row) => row.role === 'owner' && row.status === 'active').length,
    };
  }

  async setRole(userId: string, role: Role): Promise<void> {
    await this.db.sql(
      'UPDATE memberships SET role = :role, updated_at = now() WHERE tenant_id = :tenantId AND user_id = :userId',
      { userId, role },
    );
  }

  /** Their logins and API keys go with it. */
  async remove(userId: string): Promise<void> {
    await this.db.sql('DELETE FROM memberships WHERE tenant_id = :tenantId AND user_id = :userId', { userId });
  }

  async noteLogin(userId: string): Promise<void> {
    await this.db.sql(
      'UPDATE memberships SET last_login_at = now() WHERE tenant_id = :tenantId AND user_id = :userId',
      { userId },
    );
  }
}
