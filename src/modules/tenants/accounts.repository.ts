import { Injectable } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import type { Role } from '../../contracts/permissions.js';
import { Db } from '../../platform/database/db.js';

/** One tenant an account can be used in; all null for an account that can be used in none. */
export interface AccountRow {
  userId: string;
  name: string;
  passwordHash: string | null;
  superadmin: boolean;
  tenantId: string | null;
  tenantSlug: string | null;
  tenantName: string | null;
  role: Role | null;
}

export interface NewAccount {
  id: string;
  email: string;
  name: string;
  passwordHash: string | null;
}

interface LookupRow {
  user_id: string;
  name: string;
  password_hash: string | null;
  superadmin: boolean;
  tenant_id: string | null;
  tenant_slug: string | null;
  tenant_name: string | null;
  role: Role | null;
}

/** Users belong to no tenant. A tenant sees those who are its members; the rest is system work. */
@Injectable()
export class AccountsRepository {
  constructor(private readonly db: Db) {}

  /** Must not be called in a transaction: it takes a connection of its own. */
  async findByEmail(email: string): Promise<AccountRow[]> {
    const rows = await this.db.lookup<LookupRow>('atrium_user_by_email', email);
    return rows.map((row) => ({
      userId: row.user_id,
      name: row.name,
      passwordHash: row.password_hash,
      superadmin: row.superadmin,
      tenantId: row.tenant_id,
      tenantSlug: row.tenant_slug,
      tenantName: row.tenant_name,
      role: row.role,
    }));
  }

  /** Null for who is no member of the current tenant. */
  async findMember(userId: string): Promise<{ id: string; email: string; name: string } | null> {
    const [row] = await this.db.sql<{ id: string; email: string; name: string }>(
      `SELECT u.id, u.email, u.name FROM users u JOIN memberships m ON m.user_id = u.id
       WHERE m.tenant_id = :tenantId AND u.id = :userId`,
      { userId },
    );
    return row ?? null;
  }

  /** By a system actor. */
  async add(account: NewAccount, superadmin: boolean): Promise<void> {
    await this.db.systemSql(
      `INSERT INTO users (id, email, name, password_hash, superadmin)
       VALUES (:id, :email, :name, :passwordHash, :superadmin)`,
      { ...account, superadmin },
    );
  }

  /** By a system actor. */
  async idOf(email: string): Promise<string | null> {
    const [row] = await this.db.systemSql<{ id: string }>('SELECT id FROM users WHERE email = :email', { email });
    return row?.id ?? null;
  }

  /** By a system actor. */
  async anyExists(): Promise<boolean> {
    const rows = await this.db.systemSql('SELECT 1 FROM users LIMIT 1');
    return rows.length > 0;
  }

  /** By a system actor. */
  async setPassword(userId: string, passwordHash: string): Promise<void> {
    await this.db.systemSql('UPDATE users SET password_hash = :passwordHash, updated_at = now() WHERE id = :userId', {
      userId,
      passwordHash,
    });
  }

  /** Ids of users who are in no tenant, not even invited. */
  async unheld(limit: number): Promise<string[]> {
    return runAs(Actor.system('who belongs to no tenant any more'), async () => {
      const rows = await this.db.systemSql<{ id: string }>(
        `SELECT id FROM users u
         WHERE NOT superadmin AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id) LIMIT :limit`,
        { limit },
      );
      return rows.map(({ id }) => id);
    });
  }

  /** Deletes the user unless a tenant holds them or they are a superadmin. */
  async forgetIfUnheld(userId: string): Promise<void> {
    await runAs(Actor.system('who belongs to no tenant any more'), () =>
      this.db.run(async () => {
        // A statement of its own: the next one then sees the membership that somebody may just be adding.
        await this.db.systemSql('SELECT 1 FROM users WHERE id = :userId FOR UPDATE', { userId });
        await this.db.systemSql(
          `DELETE FROM users u WHERE id = :userId AND NOT superadmin
             AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id)`,
          { userId },
        );
      }),
    );
  }
}
