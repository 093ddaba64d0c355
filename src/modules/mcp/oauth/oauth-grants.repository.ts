import { Injectable } from '@nestjs/common';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { v7 } from 'uuid';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Sealing } from '../../../platform/crypto/sealing.js';
import { Db } from '../../../platform/database/db.js';
import { timesOf, tokensOf, type Grant } from './grant.js';
import type { KeptGrant } from './kept-grant.js';
import { openedSecret } from './opened-secret.js';

/** Whose grant: a server's as the tenant knows it, and with identity `user` one user's. */
export interface GrantOwner {
  readonly serverId: string;
  /** A grant is for the address it was given for. */
  readonly serverUrl: string;
  readonly userId: string | null;
}

export type GrantsOf = { readonly serverId: string } | { readonly userId: string };

export interface StoredGrant extends KeptGrant {
  readonly id: string;
  readonly wantedScope: string | null;
}

interface Row extends Omit<StoredGrant, keyof Grant> {
  sealed: string;
}

/** Longer than a renewal takes: two at a time would cost the grant where refresh tokens rotate. */
const CLAIM_SECONDS = 60;
const TRY_AGAIN_SECONDS = 30;

const MINE = `tenant_id = :tenantId AND server_id = :serverId AND user_id IS NOT DISTINCT FROM :userId::uuid`;

@Injectable()
export class OAuthGrantsRepository {
  constructor(
    private readonly db: Db,
    private readonly sealing: Sealing,
  ) {}

  async find(owner: GrantOwner): Promise<StoredGrant | null> {
    const [row] = await this.db.sql<Row>(
      `SELECT id, sealed, scope, wanted_scope AS "wantedScope", expires_at AS "expiresAt", renew_at AS "renewAt", revision
       FROM mcp_oauth_grants WHERE ${MINE} AND server_url = :serverUrl`,
      { ...owner },
    );
    return row ? this.opened(row, owner) : null;
  }

  /** In place of the one there may be. */
  async put(owner: GrantOwner, grant: Omit<Grant, 'tokens'>, tokens: OAuthTokens, scope: string | null): Promise<void> {
    await this.db.sql(
      `INSERT INTO mcp_oauth_grants (tenant_id, id, server_id, user_id, server_url, sealed, scope, expires_at, renew_at,
                                     connected_by)
       VALUES (:tenantId, :id, :serverId, :userId, :serverUrl, :sealed, :scope, :expiresAt, :renewAt, :connectedBy)
       ON CONFLICT (tenant_id, server_id, user_id) DO UPDATE SET
         server_url = :serverUrl, sealed = :sealed, scope = :scope, wanted_scope = NULL, expires_at = :expiresAt,
         renew_at = :renewAt, connected_by = :connectedBy, updated_at = now(), claimed_until = NULL,
         revision = mcp_oauth_grants.revision + 1, claim = mcp_oauth_grants.claim + 1`,
      {
        ...{ ...owner, ...timesOf(tokens), scope, id: v7(), connectedBy: currentTenantActor().userId },
        sealed: this.sealed({ ...grant, tokens: tokensOf(tokens) }, owner),
      },
    );
  }

  async claim(owner: GrantOwner, revision: number): Promise<number | null> {
    const [row] = await this.db.sql<{ claim: number }>(
      `UPDATE mcp_oauth_grants SET claim = claim + 1, claimed_until = now() + make_interval(secs => :seconds)
       WHERE ${MINE} AND revision = :revision AND (claimed_until IS NULL OR claimed_until < now())
       RETURNING claim`,
      { ...owner, revision, seconds: CLAIM_SECONDS },
    );
    return row?.claim ?? null;
  }

  async renew(owner: GrantOwner, claim: number, grant: Grant, tokens: OAuthTokens): Promise<boolean> {
    const rows = await this.db.sql(
      `UPDATE mcp_oauth_grants SET sealed = :sealed, expires_at = :expiresAt, renew_at = :renewAt, claimed_until = NULL,
         revision = revision + 1, updated_at = now()
       WHERE ${MINE} AND claim = :claim RETURNING id`,
      {
        ...{ ...owner, ...timesOf(tokens), claim },
        sealed: this.sealed({ server: grant.server, client: grant.client, tokens: tokensOf(tokens) }, owner),
      },
    );
    return rows.length > 0;
  }

  async release(owner: GrantOwner, claim: number): Promise<void> {
    await this.db.sql(
      `UPDATE mcp_oauth_grants SET claimed_until = NULL, renew_at = now() + make_interval(secs => :seconds)
       WHERE ${MINE} AND claim = :claim`,
      { ...owner, claim, seconds: TRY_AGAIN_SECONDS },
    );
  }

  async want(owner: GrantOwner, scope: string): Promise<void> {
    await this.db.sql(`UPDATE mcp_oauth_grants SET wanted_scope = :scope WHERE ${MINE}`, { ...owner, scope });
  }

  /** False when it was gone, or has other tokens meanwhile. */
  async remove(owner: GrantOwner, revision: number): Promise<boolean> {
    const rows = await this.db.sql(`DELETE FROM mcp_oauth_grants WHERE ${MINE} AND revision = :revision RETURNING id`, {
      ...owner,
      revision,
    });
    return rows.length > 0;
  }

  /** Whatever it holds, also for an address that the server had before. */
  async take(owner: GrantOwner): Promise<StoredGrant | 'unreadable' | null> {
    const [row] = await this.db.sql<Row>(
      `DELETE FROM mcp_oauth_grants WHERE ${MINE}
       RETURNING id, sealed, scope, wanted_scope AS "wantedScope", expires_at AS "expiresAt", renew_at AS "renewAt", revision`,
      { ...owner },
    );
    return row ? (this.opened(row, owner) ?? 'unreadable') : null;
  }

  /** Of a server, whosever they are, or of a user, wherever; a grant is null where it can not be opened. */
  async takeAllOf(of: GrantsOf): Promise<(Omit<GrantOwner, 'serverUrl'> & { grant: StoredGrant | null })[]> {
    const rows = await this.db.sql<Row & Omit<GrantOwner, 'serverUrl'>>(
      `DELETE FROM mcp_oauth_grants WHERE tenant_id = :tenantId AND ${'userId' in of ? 'user_id = :userId' : 'server_id = :serverId'}
       RETURNING server_id AS "serverId", user_id AS "userId", id, sealed, scope, wanted_scope AS "wantedScope", expires_at AS "expiresAt",
         renew_at AS "renewAt", revision`,
      { ...of },
    );
    return rows.map(({ serverId, userId, ...row }) => ({
      serverId,
      userId,
      grant: this.opened(row, { serverId, userId }),
    }));
  }

  private opened({ sealed, ...row }: Row, owner: Omit<GrantOwner, 'serverUrl'>): StoredGrant | null {
    const grant = openedSecret(this.sealing, sealed, placeOf(owner)) as Grant | null;
    return grant && { ...row, ...grant };
  }

  private sealed(grant: Grant, owner: GrantOwner): string {
    return this.sealing.seal(JSON.stringify(grant), placeOf(owner));
  }
}

/** Put in the row of another user, server or tenant, it does not open. */
function placeOf({ serverId, userId }: Omit<GrantOwner, 'serverUrl'>): string {
  return `${currentTenantActor().tenantId}:mcp-oauth-grant:${serverId}:${userId ?? 'tenant'}`;
}
