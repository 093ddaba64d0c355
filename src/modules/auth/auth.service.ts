import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '../../contracts/errors.js';
import type { TenantActor } from '../../platform/access/actor.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { hashPassword, passwordMatches } from '../../platform/crypto/passwords.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { RateLimiter } from '../../platform/http/rate-limiter.js';
import { AccountsService } from '../tenants/accounts.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import type { ChangePasswordDto, MeDto } from './auth.dto.js';
import { LoginsEverywhere } from './logins-everywhere.js';
import { TokenSessionsRepository } from './token-sessions.repository.js';

/** What one does with one's own account. */
@Injectable()
export class AuthService {
  constructor(
    private readonly accounts: AccountsService,
    private readonly tenants: TenantsService,
    private readonly sessions: TokenSessionsRepository,
    private readonly everywhere: LoginsEverywhere,
    private readonly limiter: RateLimiter,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  async me(): Promise<MeDto> {
    const { role, permissions, superadmin } = currentTenantActor();
    if (role === null) throw new Error('Only people and their API keys have a role');
    return this.db.run(async () => {
      const user = await this.accounts.me();
      const { id, name, slug } = await this.tenants.get();
      return { user, tenant: { id, name, slug }, role, permissions: [...permissions].sort(), superadmin };
    });
  }

  /** Ends this login, and so its access tokens. */
  async logout(): Promise<void> {
    const { userId, tokenSessionId } = currentLogin();
    await this.db.run(async () => {
      if (!(await this.sessions.revoke(tokenSessionId))) return;
      await this.events.publish('auth.loggedOut', {
        resourceType: 'tokenSession',
        resourceId: tokenSessionId,
        payload: { userId, tokenSessionId },
      });
    });
  }

  /** In all tenants, this login too. */
  async logoutAll(): Promise<void> {
    await this.everywhere.logout(currentLogin());
  }

  /** Ends all other logins, since whoever knew the old password may be behind one. @throws ValidationFailed */
  async changePassword({ currentPassword, newPassword }: ChangePasswordDto): Promise<void> {
    const login = currentLogin();
    const { email } = await this.accounts.me();
    // A stolen access token must not help in guessing the password.
    await this.limiter.consume('login', `account:${email}`);
    const { passwordHash } = await this.accounts.credentials(email);
    if (!(await passwordMatches(currentPassword, passwordHash))) {
      throw ValidationFailed.of('currentPassword', 'currentPassword is wrong');
    }
    await this.everywhere.changePassword(login, await hashPassword(newPassword));
  }
}

function currentLogin(): { tenantId: string; userId: string; tokenSessionId: string } {
  const { tenantId, userId, credentialId }: TenantActor = currentTenantActor();
  if (userId === null || credentialId === null) throw new Error('Only people sign in');
  return { tenantId, userId, tokenSessionId: credentialId };
}
