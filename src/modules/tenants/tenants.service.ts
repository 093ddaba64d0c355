import { Injectable } from '@nestjs/common';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { shownTenant } from './tenant-row.js';
import type { TenantDto, UpdateTenantDto } from './tenant.dto.js';
import { TenantsRepository, type ToolRules } from './tenants.repository.js';

export type { ToolRules };

/** The tenant one acts in, as its own people see and change it. */
@Injectable()
export class TenantsService {
  constructor(
    private readonly tenants: TenantsRepository,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  async get(): Promise<TenantDto> {
    return shownTenant(await this.tenants.current());
  }

  async toolRules(): Promise<ToolRules> {
    return this.tenants.toolRules();
  }

  /** In the open transaction. */
  async setToolEnabled(name: string, isEnabled: boolean): Promise<void> {
    await this.tenants.setToolEnabled(name, isEnabled);
  }

  async update(dto: UpdateTenantDto): Promise<TenantDto> {
    return this.db.run(async () => {
      const { name, permissionPolicy, metadata } = dto;
      const tenant = await this.tenants.change({ name, permissionPolicy, metadata });
      await this.events.publish('tenant.updated', {
        resourceType: 'tenant',
        resourceId: tenant.id,
        payload: {},
        changes: { ...dto },
      });
      return shownTenant(tenant);
    });
  }
}
