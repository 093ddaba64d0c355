import type { PermissionPolicy } from '../../contracts/permission-policy.js';
import type { TenantDto } from './tenant.dto.js';

export interface TenantRow {
  id: string;
  slug: string;
  name: string;
  plan: 'standard' | 'premium';
  status: 'active' | 'suspended';
  permissionPolicy: PermissionPolicy | null;
  metadata: Record<string, unknown>;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
}

export const TENANT_COLUMNS = `id, slug, name, plan, status, permission_policy AS "permissionPolicy", metadata,
  created_at AS "createdAt", updated_at AS "updatedAt", deleted_at AS "deletedAt"`;

export function shownTenant(row: TenantRow): TenantDto {
  const { deletedAt: _deletedAt, createdAt, updatedAt, permissionPolicy, ...shown } = row;
  return {
    ...shown,
    permissionPolicy: permissionPolicy as TenantDto['permissionPolicy'],
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
