import { Injectable } from '@nestjs/common';
import type { PermissionPolicy } from '../../contracts/permission-policy.js';
import { Db } from '../../platform/database/db.js';
import { TENANT_COLUMNS, type TenantRow } from './tenant-row.js';

export interface TenantChanges {
  name?: string;
  permissionPolicy?: object | null;
  metadata?: Record<string, unknown> | null;
}

/** What the tenant says about tools. */
export interface ToolRules {
  permissionPolicy: PermissionPolicy | null;
  /** Names (`server:tool`) of tools that none of its agents is given. */
  disabledTools: string[];
}

/** The tenant one acts in. */
@Injectable()
export class TenantsRepository {
  constructor(private readonly db: Db) {}

  async current(): Promise<TenantRow> {
    return only(await this.db.sql<TenantRow>(`SELECT ${TENANT_COLUMNS} FROM tenants WHERE id = :tenantId`));
  }

  async toolRules(): Promise<ToolRules> {
    const [row] = await this.db.sql<ToolRules>(
      `SELECT permission_policy AS "permissionPolicy", disabled_tools AS "disabledTools"
       FROM tenants WHERE id = :tenantId`,
    );
    return row ?? { permissionPolicy: null, disabledTools: [] };
  }

  async setToolEnabled(name: string, isEnabled: boolean): Promise<void> {
    await this.db.sql(
      `UPDATE tenants SET updated_at = now(), disabled_tools =
         (disabled_tools - :name::text) || CASE WHEN :isEnabled::boolean THEN '[]'::jsonb ELSE jsonb_build_array(:name::text) END
       WHERE id = :tenantId`,
      { name, isEnabled },
    );
  }

  /** What is undefined stays, null resets. */
  async change({ name, permissionPolicy, metadata }: TenantChanges): Promise<TenantRow> {
    return only(
      await this.db.sql<TenantRow>(
        `UPDATE tenants SET
           name = coalesce(:name, name),
           permission_policy = CASE WHEN :setsPolicy THEN :permissionPolicy::jsonb ELSE permission_policy END,
           metadata = CASE WHEN :setsMetadata THEN coalesce(:metadata::jsonb, '{}') ELSE metadata END,
           updated_at = now()
         WHERE id = :tenantId RETURNING ${TENANT_COLUMNS}`,
        {
          name: name ?? null,
          setsPolicy: permissionPolicy !== undefined,
          permissionPolicy: permissionPolicy ? JSON.stringify(permissionPolicy) : null,
          setsMetadata: metadata !== undefined,
          metadata: metadata ? JSON.stringify(metadata) : null,
        },
      ),
    );
  }
}

function only(rows: TenantRow[]): TenantRow {
  const [row] = rows;
  if (!row) throw new Error('The tenant of the actor does not exist');
  return row;
}
