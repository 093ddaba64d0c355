import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { permissionsOf, type Role } from '../../../contracts/permissions.js';
import type { TenantActor } from '../../../platform/access/actor.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Sealing } from '../../../platform/crypto/sealing.js';
import { Db } from '../../../platform/database/db.js';
import type { PendingAuthorization } from './authorization.js';
import { openedSecret } from './opened-secret.js';

/** What a state stands for. */
export interface Flow {
  serverId: string;
  userId: string;
  identity: 'tenant' | 'user';
  serverUrl: string;
  pending: PendingAuthorization;
}

const MINUTES = 10;

@Injectable()
export class OAuthFlowsRepository {
  constructor(
    private readonly db: Db,
    private readonly sealing: Sealing,
  ) {}

  newState(): string {
    return randomBytes(32).toString('base64url');
  }

  async add(state: string, { pending, ...flow }: Flow): Promise<void> {
    const stateHash = hashOf(state);
    await this.db.run(async () => {
      await Promise.all([
        this.db.sql('DELETE FROM mcp_oauth_flows WHERE tenant_id = :tenantId AND expires_at <= now()'),
        this.db.sql(
          `INSERT INTO mcp_oauth_flows (tenant_id, id, server_id, user_id, identity, server_url, state_hash, sealed, expires_at)
           VALUES (:tenantId, :id, :serverId, :userId, :identity, :serverUrl, :stateHash, :sealed,
                   now() + make_interval(mins => :minutes))`,
          {
            ...{ ...flow, stateHash, id: v7(), minutes: MINUTES },
            sealed: this.sealing.seal(JSON.stringify(pending), placeOf(currentTenantActor().tenantId, stateHash)),
          },
        ),
      ]);
    });
  }

  /** Before the tenant is known: who started what this state stands for. Null when that has ended, or may not be. */
  async starterOf(state: string): Promise<TenantActor | null> {
    const [row] = await this.db.lookup<{ tenant_id: string; user_id: string; role: Role }>(
      'atrium_one_time_code',
      hashOf(state),
    );
    if (!row) return null;
    const { tenant_id: tenantId, user_id: userId, role } = row;
    return {
      ...{ kind: 'user', tenantId, userId, role, permissions: permissionsOf(role) },
      ...{ credentialId: null, superadmin: false },
    };
  }

  /** The flow, once. */
  async take(state: string): Promise<Flow | null> {
    const { tenantId, userId } = currentTenantActor();
    const stateHash = hashOf(state);
    const [row] = await this.db.sql<Omit<Flow, 'pending'> & { sealed: string }>(
      `DELETE FROM mcp_oauth_flows
       WHERE tenant_id = :tenantId AND state_hash = :stateHash AND user_id = :userId AND expires_at > now()
       RETURNING server_id AS "serverId", user_id AS "userId", identity, server_url AS "serverUrl", sealed`,
      { stateHash, userId },
    );
    if (!row) return null;
    const { sealed, ...flow } = row;
    const place = placeOf(tenantId, stateHash);
    const pending = openedSecret(this.sealing, sealed, place) as PendingAuthorization | null;
    return pending && { ...flow, pending };
  }
}

/** Of 256 random bits there is nothing to guess, so a slow hash would gain nothing. */
function hashOf(state: string): string {
  return createHash('sha256').update(state).digest('hex');
}

function placeOf(tenantId: string, stateHash: string): string {
  return `${tenantId}:mcp-oauth-flow:${stateHash}`;
}
