import { Injectable } from '@nestjs/common';
import type { DomainEventName } from '../../contracts/domain-events.js';
import { Conflict, NotFound } from '../../contracts/errors.js';
import { Actor } from '../../platform/access/actor.js';
import { currentTenantActor, runAs } from '../../platform/access/scope.js';
import { Settings } from '../../platform/config/settings.js';
import { hashPassword } from '../../platform/crypto/passwords.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import type {
  AdministeredTenantDto,
  AdministeredTenantPage,
  AdministerTenantDto,
  CreateTenantDto,
  ListTenantsQuery,
} from './administered-tenants.dto.js';
import { AdministeredTenantsRepository } from './administered-tenants.repository.js';
import { shownTenant, type TenantRow } from './tenant-row.js';
import { TenantFounding } from './tenant-founding.js';

/** What superadmins do with tenants; each act stands in the log of the tenant it is about. */
@Injectable()
export class AdministeredTenantsService {
  constructor(
    private readonly tenants: AdministeredTenantsRepository,
    private readonly founding: TenantFounding,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly settings: Settings,
    private readonly db: Db,
  ) {}

  /** @throws Conflict when the slug was ever taken */
  async create({ name, slug, plan, owner }: CreateTenantDto): Promise<AdministeredTenantDto> {
    const founder = currentTenantActor().userId;
    const passwordHash = owner.password == null ? null : await hashPassword(owner.password);
    const id = await this.founding.found({
      name,
      slug,
      plan: plan ?? 'standard',
      owner: { email: owner.email, passwordHash },
      founder,
    });
    if (id === null) throw new Conflict('This slug is taken');
    return this.get(id);
  }

  async list(query: ListTenantsQuery): Promise<AdministeredTenantPage> {
    const filter = {
      deleted: query.deleted ?? false,
      retentionDays: this.settings.retention.tenantDays,
      before: this.cursors.id(query.cursor),
      limit: query.limit + 1,
    };
    const rows = await administering(() => this.tenants.list(filter));
    return this.cursors.page(rows, query.limit, shown);
  }

  /** @throws NotFound */
  async get(id: string): Promise<AdministeredTenantDto> {
    return shown(await this.require(id));
  }

  /** @throws NotFound for a deleted one, too */
  async require(id: string): Promise<TenantRow> {
    const tenant = await administering(() => this.tenants.find(id));
    if (!tenant) throw new NotFound('Tenant');
    return tenant;
  }

  /** @throws NotFound, Conflict */
  async change(id: string, { name, plan, status }: AdministerTenantDto): Promise<AdministeredTenantDto> {
    if (status === 'suspended') assertNotOwn(id);
    await this.act(id, async (tenant) => {
      if (tenant.deletedAt) throw new NotFound('Tenant');
      await this.tenants.change(id, { name, plan, status });
      if (name !== undefined || plan !== undefined) await this.publish('tenant.updated', id, { name, plan });
      if (status !== undefined && status !== tenant.status) {
        await this.publish(status === 'suspended' ? 'tenant.suspended' : 'tenant.activated', id, { status });
      }
    });
    return this.get(id);
  }

  /** @throws NotFound, Conflict */
  async remove(id: string): Promise<void> {
    assertNotOwn(id);
    await this.act(id, async (tenant) => {
      if (tenant.deletedAt) throw new NotFound('Tenant');
      await this.tenants.setDeleted(id, true);
      await this.publish('tenant.deleted', id);
    });
  }

  /** @throws NotFound when its time is over, Conflict when it is not deleted */
  async restore(id: string): Promise<AdministeredTenantDto> {
    await this.act(id, async (tenant) => {
      if (!tenant.deletedAt) throw new Conflict('This tenant is not deleted');
      await this.tenants.setDeleted(id, false);
      await this.publish('tenant.restored', id);
    });
    return this.get(id);
  }

  private async act(id: string, fn: (tenant: TenantRow) => Promise<void>): Promise<void> {
    await administering(() =>
      this.db.run(async () => {
        const tenant = await this.tenants.lock(id, this.settings.retention.tenantDays);
        if (!tenant) throw new NotFound('Tenant');
        await fn(tenant);
      }),
    );
  }

  private async publish(
    action: Extract<DomainEventName, `tenant.${'updated' | 'suspended' | 'activated' | 'deleted' | 'restored'}`>,
    id: string,
    changes?: Record<string, unknown>,
  ): Promise<void> {
    await this.events.publish(action, { resourceType: 'tenant', resourceId: id, payload: {}, changes, tenantId: id });
  }
}

function administering<T>(fn: () => Promise<T>): Promise<T> {
  return runAs(Actor.system('administration of tenants'), fn);
}

/** @throws Conflict: nobody locks the last superadmin out by accident. */
function assertNotOwn(id: string): void {
  if (currentTenantActor().tenantId === id) {
    throw new Conflict('This is the tenant you are signed in to, switch to another one first');
  }
}

function shown(row: TenantRow): AdministeredTenantDto {
  return { ...shownTenant(row), deletedAt: row.deletedAt?.toISOString() ?? null };
}
