import { Injectable } from '@nestjs/common';
import type { Role } from '../../contracts/permissions.js';
import { Db } from '../../platform/database/db.js';
import { TenantTable } from '../../platform/database/tenant-table.js';
import { ApiKeyEntity } from './api-key.entity.js';

/** A key whose user may still act in its tenant. */
export interface LivingApiKey {
  tenantId: string;
  id: string;
  userId: string;
  scopes: string[] | null;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  role: Role;
  plan: 'standard' | 'premium';
}

interface LookupRow {
  tenant_id: string;
  id: string;
  user_id: string;
  scopes: string[] | null;
  expires_at: Date | null;
  last_used_at: Date | null;
  role: Role;
  plan: 'standard' | 'premium';
}

@Injectable()
export class ApiKeysRepository {
  private readonly keys: TenantTable<ApiKeyEntity>;

  constructor(private readonly db: Db) {
    this.keys = new TenantTable(db, ApiKeyEntity);
  }

  /** Before the tenant is known. Null for one that was revoked, has expired, or whose user or tenant may not act. */
  async findLiving(keyHash: string): Promise<LivingApiKey | null> {
    const [row] = await this.db.lookup<LookupRow>('atrium_api_key', keyHash);
    if (!row) return null;
    const { tenant_id: tenantId, id, user_id: userId, scopes, role, plan } = row;
    return { tenantId, id, userId, scopes, role, plan, expiresAt: row.expires_at, lastUsedAt: row.last_used_at };
  }

  async add(key: Omit<ApiKeyEntity, 'tenantId'>): Promise<void> {
    await this.keys.insert(key);
  }

  async list(userId: string, before: string | null, limit: number): Promise<ApiKeyEntity[]> {
    return this.keys.select('k', (query) => {
      query.andWhere('k.userId = :userId AND k.revokedAt IS NULL', { userId }).orderBy('k.id', 'DESC').limit(limit);
      if (before) query.andWhere('k.id < :before', { before });
      return query.getMany();
    });
  }

  async find(userId: string, id: string): Promise<ApiKeyEntity | null> {
    return this.keys.select('k', (query) =>
      query.andWhere('k.userId = :userId AND k.id = :id AND k.revokedAt IS NULL', { userId, id }).getOne(),
    );
  }

  /** False when there is none. */
  async revoke(userId: string, id: string): Promise<boolean> {
    const changed = await this.keys.update(
      { revokedAt: new Date() },
      'userId = :userId AND id = :id AND revokedAt IS NULL',
      { userId, id },
    );
    return changed > 0;
  }

  async noteUse(id: string): Promise<void> {
    await this.keys.update({ lastUsedAt: new Date() }, 'id = :id', { id });
  }
}
