import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Unauthenticated, ValidationFailed } from '../../contracts/errors.js';
import { permissionsOf } from '../../contracts/permissions.js';
import type { TenantActor } from '../../platform/access/actor.js';
import { currentScope, runAs } from '../../platform/access/scope.js';
import { passwordMatches } from '../../platform/crypto/passwords.js';
import { violatesForeignKey } from '../../platform/database/database-errors.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { RateLimiter } from '../../platform/http/rate-limiter.js';
import { AccountsService, type Account } from '../tenants/accounts.service.js';
import { MembersService } from '../tenants/members.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import type { LoginDto, RefreshDto, SwitchTenantDto, TokenPairDto } from './auth.dto.js';
import { TokenSessionsRepository, type LivingLogin } from './token-sessions.repository.js';
import { ACCESS_TOKEN_SECONDS, Tokens } from './tokens.js';

/** Ways to get a pair of tokens. */
@Injectable()
export class LoginsService {
  constructor(
    private readonly accounts: AccountsService,
    private readonly members: MembersService,
    private readonly tenants: TenantsService,
    private readonly sessions: TokenSessionsRepository,
    private readonly tokens: Tokens,
    private readonly limiter: RateLimiter,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** Answers the same, after the same time, whichever part of it is wrong. @throws Unauthenticated, TooManyRequests */
  async login({ email, password, tenant }: LoginDto): Promise<TokenPairDto> {
    await this.limiter.consume('login', `account:${email}`);
    const { passwordHash, accounts } = await this.accounts.credentials(email);
    const matches = await passwordMatches(password, passwordHash);
    const account = accountIn(accounts, tenant);
    if (!matches || !account) throw new Unauthenticated('Email or password is wrong');
    return this.open(account);
  }

  /** Opens another login; the present one goes on. @throws ValidationFailed */
  async switchTenant({ tenant }: SwitchTenantDto): Promise<TokenPairDto> {
    const { email } = await this.accounts.me();
    const { accounts } = await this.accounts.credentials(email);
    const account = accountIn(accounts, tenant);
    if (!account) throw ValidationFailed.of('tenant', 'tenant is none that you can sign in to', tenant);
    return this.open(account);
  }

  /** @throws Unauthenticated; a token that was used before ends its whole family */
  async refresh({ refreshToken }: RefreshDto): Promise<TokenPairDto> {
    const claims = this.tokens.readRefresh(refreshToken);
    const login = claims && (await this.sessions.findLiving(claims.tokenSessionId));
    if (!login) throw refused();
    const { tokenSessionId, generation } = claims;
    const pair = await runAs(userOf(login, tokenSessionId), () =>
      this.db.run(async () => {
        if (await this.sessions.rotate(tokenSessionId, generation)) return this.pair(tokenSessionId, generation + 1);
        await this.endReused(tokenSessionId, login.userId);
        return null;
      }),
    );
    if (!pair) throw refused();
    return pair;
  }

  private async open({ userId, superadmin, tenant, role }: Account): Promise<TokenPairDto> {
    const { ip, userAgent } = currentScope();
    const id = v7();
    return runAs(userOf({ tenantId: tenant.id, userId, role, superadmin }, id), () =>
      this.db.run(async () => {
        await this.sessions.add({ id, userId, ip, userAgent });
        await this.members.noteLogin(userId);
        await this.events.publish('auth.loggedIn', {
          resourceType: 'tokenSession',
          resourceId: id,
          payload: { userId, tokenSessionId: id },
        });
        return this.pair(id, 1);
      }),
    ).catch((error: unknown) => {
      throw violatesForeignKey(error, 'token_sessions_tenant_id_user_id_fkey') ? removedMeanwhile(error) : error;
    });
  }

  private async pair(tokenSessionId: string, generation: number): Promise<TokenPairDto> {
    const user = await this.accounts.me();
    const { id, name, slug } = await this.tenants.get();
    return {
      accessToken: this.tokens.signAccess({ userId: user.id, tenantId: id, tokenSessionId }),
      refreshToken: this.tokens.signRefresh({ tokenSessionId, generation }),
      tokenType: 'Bearer',
      expiresIn: ACCESS_TOKEN_SECONDS,
      user,
      tenant: { id, name, slug },
    };
  }

  /** Two have had the same token: one of them has stolen it, so neither goes on. */
  private async endReused(tokenSessionId: string, userId: string): Promise<void> {
    if (!(await this.sessions.revoke(tokenSessionId))) return;
    await this.events.publish('auth.refreshReused', {
      resourceType: 'tokenSession',
      resourceId: tokenSessionId,
      payload: { userId, tokenSessionId },
    });
  }
}

function accountIn(accounts: Account[], slug: string | null | undefined): Account | undefined {
  return slug == null ? accounts[0] : accounts.find(({ tenant }) => tenant.slug === slug);
}

function userOf(
  { tenantId, userId, role, superadmin }: Omit<LivingLogin, 'generation' | 'plan'>,
  credentialId: string,
): TenantActor {
  return { kind: 'user', tenantId, userId, role, permissions: permissionsOf(role), credentialId, superadmin };
}

function removedMeanwhile(cause: unknown): Unauthenticated {
  return new Unauthenticated('You are no member of this tenant any more', { cause });
}

function refused(): Unauthenticated {
  return new Unauthenticated('The refresh token is not valid');
}
