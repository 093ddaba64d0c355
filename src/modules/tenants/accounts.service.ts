import { Injectable } from '@nestjs/common';
import type { Role } from '../../contracts/permissions.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { AccountsRepository, type AccountRow } from './accounts.repository.js';

/** A user in one of the tenants they can sign in to. */
export interface Account {
  userId: string;
  name: string;
  superadmin: boolean;
  tenant: { id: string; slug: string; name: string };
  role: Role;
}

/** What signing in needs to know of a user. */
export interface Credentials {
  passwordHash: string | null;
  /** One for each tenant they can sign in to, the last used first. */
  accounts: Account[];
}

@Injectable()
export class AccountsService {
  constructor(private readonly accounts: AccountsRepository) {}

  /** For an unknown address there is nothing to compare with and nowhere to sign in to. */
  async credentials(email: string): Promise<Credentials> {
    const rows = await this.accounts.findByEmail(email);
    return { passwordHash: rows[0]?.passwordHash ?? null, accounts: rows.flatMap(accountOf) };
  }

  /** The user of the current actor. */
  async me(): Promise<{ id: string; email: string; name: string }> {
    const { userId } = currentTenantActor();
    const user = userId === null ? null : await this.accounts.findMember(userId);
    if (!user) throw new Error('The actor is no member of its tenant');
    return user;
  }

  /** Joins the transaction of a system actor. */
  async setPassword(userId: string, passwordHash: string): Promise<void> {
    await this.accounts.setPassword(userId, passwordHash);
  }
}

function accountOf(row: AccountRow): Account[] {
  const { userId, name, superadmin, tenantId, tenantSlug, tenantName, role } = row;
  if (tenantId === null || tenantSlug === null || tenantName === null || role === null) return [];
  return [{ userId, name, superadmin, tenant: { id: tenantId, slug: tenantSlug, name: tenantName }, role }];
}
