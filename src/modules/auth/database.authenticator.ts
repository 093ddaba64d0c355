import { Injectable } from '@nestjs/common';
import { effectivePermissions, permissionsOf } from '../../contracts/permissions.js';
import { Authenticator, type Authenticated, type AuthenticateOptions } from '../../platform/access/authenticator.js';
import { hashApiKey, isApiKey } from './api-key-secret.js';
import { ApiKeyUse } from './api-key-use.js';
import { ApiKeysRepository } from './api-keys.repository.js';
import { TokenSessionsRepository } from './token-sessions.repository.js';
import { Tokens } from './tokens.js';

/** One round trip per credential: role, permissions, plan and whether it still counts are those of this moment. */
@Injectable()
export class DatabaseAuthenticator extends Authenticator {
  constructor(
    private readonly tokens: Tokens,
    private readonly sessions: TokenSessionsRepository,
    private readonly keys: ApiKeysRepository,
    private readonly keyUse: ApiKeyUse,
  ) {
    super();
  }

  authenticate(credential: string, { evenExpired }: AuthenticateOptions = {}): Promise<Authenticated | null> {
    return isApiKey(credential) ? this.byApiKey(credential) : this.byAccessToken(credential, evenExpired);
  }

  private async byAccessToken(token: string, evenExpired?: boolean): Promise<Authenticated | null> {
    const claims = this.tokens.readAccess(token, evenExpired);
    if (!claims) return null;
    const { tokenSessionId, tenantId, userId, expiresAt } = claims;
    const login = await this.sessions.findLiving(tokenSessionId);
    if (login?.tenantId !== tenantId || login.userId !== userId) return null;
    const { role, superadmin, plan } = login;
    const permissions = permissionsOf(role);
    return {
      actor: { kind: 'user', tenantId, userId, role, permissions, credentialId: tokenSessionId, superadmin },
      plan,
      expiresAt,
    };
  }

  private async byApiKey(credential: string): Promise<Authenticated | null> {
    const key = await this.keys.findLiving(hashApiKey(credential));
    if (!key) return null;
    this.keyUse.note(key);
    const { id, tenantId, userId, role, scopes, plan, expiresAt } = key;
    const permissions = effectivePermissions(role, scopes);
    return {
      actor: { kind: 'apiKey', tenantId, userId, role, permissions, credentialId: id, superadmin: false },
      plan,
      expiresAt,
    };
  }
}
