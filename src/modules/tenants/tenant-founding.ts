import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { violatesForeignKey, violatesUnique } from '../../platform/database/database-errors.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { AccountsRepository } from './accounts.repository.js';
import { AdministeredTenantsRepository } from './administered-tenants.repository.js';
import { nameOf } from './email-address.dto.js';

export interface Founding {
  name: string;
  slug: string;
  plan: 'standard' | 'premium';
  owner: { email: string; passwordHash: string | null };
  /** The superadmin who founds it; owning it themselves, they have nothing to accept. Null at the first start. */
  founder: string | null;
}

const ATTEMPTS = 3;

/** Makes a tenant together with its first owner. */
@Injectable()
export class TenantFounding {
  constructor(
    private readonly tenants: AdministeredTenantsRepository,
    private readonly accounts: AccountsRepository,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** Its id; null when the slug was ever taken. */
  async found(founding: Founding): Promise<string | null> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await runAs(Actor.system('a new tenant'), () => this.db.run(() => this.once(founding)));
      } catch (error) {
        // Somebody else brought the owner in, or the owner's last tenant let them go, just now.
        const collision =
          violatesUnique(error, 'users_email_key') || violatesForeignKey(error, 'memberships_user_id_fkey');
        if (attempt === ATTEMPTS || !collision) throw error;
      }
    }
  }

  private async once({ name, slug, plan, owner, founder }: Founding): Promise<string | null> {
    const tenantId = v7();
    if (!(await this.tenants.add({ id: tenantId, name, slug, plan }))) return null;
    await this.events.publish('tenant.created', {
      resourceType: 'tenant',
      resourceId: tenantId,
      payload: { name, slug },
      changes: { name, slug, plan },
      tenantId,
    });
    const known = await this.accounts.idOf(owner.email);
    const userId = known ?? v7();
    if (known === null) {
      const account = { id: userId, email: owner.email, name: nameOf(owner.email), passwordHash: owner.passwordHash };
      await this.accounts.add(account, founder === null);
    }
    const status = known === null || known === founder ? 'active' : 'pending';
    await this.tenants.addOwner(tenantId, userId, v7(), status);
    await this.events.publish('member.added', {
      resourceType: 'member',
      resourceId: userId,
      payload: { userId, role: 'owner', status },
      changes: { role: 'owner' },
      tenantId,
    });
    return tenantId;
  }
}
