import { Injectable } from '@nestjs/common';
import type { Role } from '../../contracts/permissions.js';
import { Db } from '../../platform/database/db.js';
import { inBatches } from '../../platform/database/in-batches.js';
import { TenantTable } from '../../platform/database/tenant-table.js';
import { TokenSessionEntity } from './token-session.entity.js';
import { REFRESH_TOKEN_SECONDS } from './tokens.js';

/** A login whose user may still act in its tenant. */
export interface LivingLogin {
  tenantId: string;
  userId: string;
  generation: number;
  role: Role;
  superadmin: boolean;
  plan: 'standard' | 'premium';
}

interface LookupRow {
  tenant_id: string;
  user_id: string;
  generation: number;
  expires_at: Date;
  revoked_at: Date | null;
  role: Role;
  superadmin: boolean;
  plan: 'standard' | 'premium';
}

export interface LoginReference {
  tenantId: string;
  id: string;
}

@Injectable()
export class TokenSessionsRepository {
  private readonly sessions: TenantTable<TokenSessionEntity>;

  constructor(private readonly db: Db) {
    this.sessions = new TenantTable(db, TokenSessionEntity);
  }

  /** Before the tenant is known. Null for one that was revoked, has expired, or whose user or tenant may not act. */
  async findLiving(id: string): Promise<LivingLogin | null> {
    const [row] = await this.db.lookup<LookupRow>('atrium_token_session', id);
    if (!row || row.revoked_at !== null || row.expires_at <= new Date()) return null;
    const { tenant_id: tenantId, user_id: userId, generation, role, superadmin, plan } = row;
    return { tenantId, userId, generation, role, superadmin, plan };
  }

  async add(session: { id: string; userId: string; ip: string | null; userAgent: string | null }): Promise<void> {
    const now = new Date();
    await this.sessions.insert({ ...session, generation: 1, createdAt: now, lastUsedAt: now, expiresAt: expiry(now) });
  }

  /** False when another has used this generation, or the family was revoked, meanwhile. */
  async rotate(id: string, generation: number): Promise<boolean> {
    const now = new Date();
    const changed = await this.sessions.update(
      { generation: () => 'generation + 1', lastUsedAt: now, expiresAt: expiry(now) },
      'id = :id AND generation = :generation AND revokedAt IS NULL',
      { id, generation },
    );
    return changed > 0;
  }

  /** False when it was revoked before. */
  async revoke(id: string): Promise<boolean> {
    const changed = await this.sessions.update({ revokedAt: new Date() }, 'id = :id AND revokedAt IS NULL', { id });
    return changed > 0;
  }

  /** In all tenants, by a system actor: the user's logins but one. Returns those that were alive. */
  async revokeAllBut(keptId: string | null, userId: string): Promise<LoginReference[]> {
    return this.db.systemSql<LoginReference>(
      `UPDATE token_sessions SET revoked_at = now()
       WHERE user_id = :userId AND revoked_at IS NULL AND (:keptId::uuid IS NULL OR id <> :keptId)
       RETURNING tenant_id AS "tenantId", id`,
      { userId, keptId },
    );
  }

  /** In all tenants, by a system actor: those whose tokens have all expired. */
  async deleteExpired(): Promise<void> {
    await inBatches((most) =>
      this.db.systemSql(
        `DELETE FROM token_sessions WHERE (tenant_id, id) IN (
           SELECT tenant_id, id FROM token_sessions WHERE expires_at < now() LIMIT :most)
         RETURNING id`,
        { most },
      ),
    );
  }
}

function expiry(from: Date): Date {
  return new Date(from.getTime() + REFRESH_TOKEN_SECONDS * 1000);
}
