import { Injectable } from '@nestjs/common';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Sealing } from '../../../platform/crypto/sealing.js';
import { Db } from '../../../platform/database/db.js';
import type { ClientStore } from './client-registration.js';
import type { OAuthClient } from './oauth-client.js';
import { openedSecret } from './opened-secret.js';

/** In the place of the redirect URI of one that was given by hand, which is good for any. */
const GIVEN = '';

/** By what the tenant is known to authorization servers: each MCP server of it has clients of its own. */
@Injectable()
export class OAuthClientsRepository {
  constructor(
    private readonly db: Db,
    private readonly sealing: Sealing,
  ) {}

  of(serverId: string, redirectUri: string): ClientStore {
    return {
      find: (issuer) => this.find({ serverId, redirectUri, issuer }),
      save: (issuer, client) => this.save({ serverId, redirectUri, issuer }, client),
    };
  }

  /** The authorization server does not know it any more: the next one registers anew. One that was given stays. */
  async forget(serverId: string, issuer: string): Promise<void> {
    await this.db.sql(
      `DELETE FROM mcp_oauth_clients
       WHERE tenant_id = :tenantId AND server_id = :serverId AND issuer = :issuer AND redirect_uri <> :given`,
      { serverId, issuer, given: GIVEN },
    );
  }

  /** In place of any other that was given. */
  async give(serverId: string, issuer: string, client: OAuthClient): Promise<void> {
    await this.takeBack(serverId);
    await this.save({ serverId, issuer, redirectUri: GIVEN }, client);
  }

  async takeBack(serverId: string): Promise<boolean> {
    const rows = await this.db.sql(
      `DELETE FROM mcp_oauth_clients
       WHERE tenant_id = :tenantId AND server_id = :serverId AND redirect_uri = :given RETURNING issuer`,
      { serverId, given: GIVEN },
    );
    return rows.length > 0;
  }

  private async find(key: ClientKey): Promise<OAuthClient | null> {
    const [row] = await this.db.sql<{ sealed: string }>(
      `SELECT sealed FROM mcp_oauth_clients
       WHERE tenant_id = :tenantId AND server_id = :serverId AND issuer = :issuer AND redirect_uri IN (:redirectUri, :given)
       ORDER BY redirect_uri = :given DESC LIMIT 1`,
      { ...key, given: GIVEN },
    );
    return row ? (openedSecret(this.sealing, row.sealed, placeOf(key)) as OAuthClient | null) : null;
  }

  private async save(key: ClientKey, client: OAuthClient): Promise<void> {
    await this.db.sql(
      `INSERT INTO mcp_oauth_clients (tenant_id, server_id, issuer, redirect_uri, sealed)
       VALUES (:tenantId, :serverId, :issuer, :redirectUri, :sealed)
       ON CONFLICT (tenant_id, server_id, issuer, redirect_uri) DO UPDATE SET sealed = :sealed, created_at = now()`,
      { ...key, sealed: this.sealing.seal(JSON.stringify(client), placeOf(key)) },
    );
  }
}

interface ClientKey {
  serverId: string;
  redirectUri: string;
  issuer: string;
}

function placeOf({ serverId, issuer }: ClientKey): string {
  return `${currentTenantActor().tenantId}:mcp-oauth-client:${serverId}:${issuer}`;
}
