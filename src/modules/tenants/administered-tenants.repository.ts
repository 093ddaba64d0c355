import { Injectable } from '@nestjs/common';
import type { Role } from '../../contracts/permissions.js';
import { Db } from '../../platform/database/db.js';
import { TENANT_COLUMNS, type TenantRow } from './tenant-row.js';

export interface TenantFilter {
  deleted: boolean;
  retentionDays: number;
  /** Only tenants older than this one. */
  before: string | null;
  limit: number;
}

type NewTenant = Pick<TenantRow, 'id' | 'slug' | 'name' | 'plan'>;
type AdministeredChanges = Partial<Pick<TenantRow, 'name' | 'plan' | 'status'>>;

/** Deleted, but within the time in which that can be undone. */
const RESTORABLE = `deleted_at > now() - interval '1 day' * :retentionDays`;

/** A large tenant's rows go in one statement. */
const ERASURE_LIMIT_MS = 3_600_000;

/** All tenants, for system actors. */
@Injectable()
export class AdministeredTenantsRepository {
  constructor(private readonly db: Db) {}

  /** False when the slug was ever given before. */
  async add(tenant: NewTenant): Promise<boolean> {
    const taken = await this.db.systemSql(
      'INSERT INTO tenant_slugs (slug) VALUES (:slug) ON CONFLICT DO NOTHING RETURNING slug',
      { slug: tenant.slug },
    );
    if (taken.length === 0) return false;
    await this.db.systemSql('INSERT INTO tenants (id, slug, name, plan) VALUES (:id, :slug, :name, :plan)', {
      ...tenant,
    });
    return true;
  }

  async addOwner(tenantId: string, userId: string, invitationId: string, status: 'active' | 'pending'): Promise<void> {
    const role: Role = 'owner';
    await this.db.systemSql(
      `INSERT INTO memberships (tenant_id, user_id, invitation_id, role, status)
       VALUES (:tenantId, :userId, :invitationId, :role, :status)`,
      { tenantId, userId, invitationId, role, status },
    );
  }

  async list({ deleted, retentionDays, before, limit }: TenantFilter): Promise<TenantRow[]> {
    return this.db.systemSql<TenantRow>(
      `SELECT ${TENANT_COLUMNS} FROM tenants
       WHERE ${deleted ? RESTORABLE : 'deleted_at IS NULL'} AND (:before::uuid IS NULL OR id < :before)
       ORDER BY id DESC LIMIT :limit`,
      { before, limit, retentionDays },
    );
  }

  /** Null for a deleted one. */
  async find(id: string): Promise<TenantRow | null> {
    return first(
      await this.db.systemSql<TenantRow>(
        `SELECT ${TENANT_COLUMNS} FROM tenants WHERE id = :id AND deleted_at IS NULL`,
        { id },
      ),
    );
  }

  /** Deleted ones too, as long as they can be restored. Locked until the transaction ends. */
  async lock(id: string, retentionDays: number): Promise<TenantRow | null> {
    return first(
      await this.db.systemSql<TenantRow>(
        `SELECT ${TENANT_COLUMNS} FROM tenants WHERE id = :id AND (deleted_at IS NULL OR ${RESTORABLE}) FOR UPDATE`,
        { id, retentionDays },
      ),
    );
  }

  async change(id: string, { name, plan, status }: AdministeredChanges): Promise<void> {
    await this.db.systemSql(
      `UPDATE tenants SET name = coalesce(:name, name), plan = coalesce(:plan, plan), status = coalesce(:status, status),
         updated_at = now()
       WHERE id = :id`,
      { id, name: name ?? null, plan: plan ?? null, status: status ?? null },
    );
  }

  async setDeleted(id: string, deleted: boolean): Promise<void> {
    await this.db.systemSql(
      'UPDATE tenants SET deleted_at = CASE WHEN :deleted THEN now() END, updated_at = now() WHERE id = :id',
      { id, deleted },
    );
  }

  async pastRetention(retentionDays: number): Promise<string[]> {
    const rows = await this.db.systemSql<{ id: string }>(
      `SELECT id FROM tenants WHERE deleted_at <= now() - interval '1 day' * :retentionDays`,
      { retentionDays },
    );
    return rows.map(({ id }) => id);
  }

  /** With all that is theirs; the slug stays taken. Nothing happens to one that was restored meanwhile. */
  async erase(id: string, retentionDays: number): Promise<void> {
    await this.db.run(
      () =>
        this.db.systemSql(
          `DELETE FROM tenants WHERE id = :id AND deleted_at <= now() - interval '1 day' * :retentionDays`,
          { id, retentionDays },
        ),
      { limitMs: ERASURE_LIMIT_MS },
    );
  }
}

function first(rows: TenantRow[]): TenantRow | null {
  return rows[0] ?? null;
}
