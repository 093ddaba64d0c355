import { Injectable } from '@nestjs/common';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { Actor } from '../../../platform/access/actor.js';
import { currentTenantActor, runAs } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { GuardedFetch } from '../../../platform/egress/guarded-fetch.js';
import { Events } from '../../../platform/events/events.js';
import { Live } from '../../../platform/live/live.js';
import { AccountNotConnected, McpCredentials, type AuthorizedFetch } from '../mcp-credentials.js';
import type { McpServerEntity } from '../mcp-server.entity.js';
import { authorizedFetch } from './authorized-fetch.js';
import { GrantTokens } from './grant-tokens.js';
import type { EndReason, GrantStore, KeptGrant } from './kept-grant.js';
import { OAuthClientsRepository } from './oauth-clients.repository.js';
import { OAuthGrantsRepository, type GrantOwner } from './oauth-grants.repository.js';

/** Nobody says more about OAuth, and what is said is kept. A renewal is over before the claim to it is. */
export const ASKING = { maxBytes: 256 * 1024, headersTimeoutMs: 15_000, totalTimeoutMs: 20_000 };

export type GrantState = 'notNeeded' | 'connected' | 'missing';

type OAuthServer = Pick<McpServerEntity, 'id' | 'name' | 'url' | 'oauth'>;

/** What people have let Atrium do at MCP servers for them. */
@Injectable()
export class McpGrants extends McpCredentials {
  constructor(
    private readonly grants: OAuthGrantsRepository,
    private readonly clients: OAuthClientsRepository,
    private readonly outside: GuardedFetch,
    private readonly events: Events,
    private readonly live: Live,
    private readonly db: Db,
  ) {
    super();
  }

  /**
   * Whether a call has what it needs, to be asked after it failed with AccountNotConnected. `userId` counts where each
   * user has a grant of their own; without one, nobody can have such a grant. A grant that gives less than the server
   * wanted last counts as missing, though it goes on to work for what it gives.
   */
  async stateOf(server: OAuthServer, userId: string | null): Promise<GrantState> {
    const owner = ownerOf(server, userId);
    if (!owner) return server.oauth ? 'missing' : 'notNeeded';
    const grant = await this.grants.find(owner);
    return grant && grant.wantedScope === null ? 'connected' : 'missing';
  }

  /** @throws AccountNotConnected */
  async fetchFor(
    server: McpServerEntity,
    userId: string | null,
    fetchFn: FetchLike,
  ): Promise<AuthorizedFetch | undefined> {
    const { oauth, url } = server;
    if (!oauth || url === null) return undefined;
    const notConnected = () => new AccountNotConnected(server.id, server.name, oauth.identity);
    const owner = ownerOf(server, userId);
    if (!owner || !(await this.grants.find(owner))) throw notConnected();
    const tokens = new GrantTokens(
      this.storeOf(owner),
      server.name,
      this.outside.with({ ...ASKING, serviceName: server.name }),
    );
    return authorizedFetch(fetchFn, new URL(url), tokens, notConnected);
  }

  /** Connections outlive the request that opened them, so what is asked for them is asked as the tenant's own work. */
  private storeOf(owner: GrantOwner): GrantStore {
    const { tenantId } = currentTenantActor();
    const asTenant = <T>(work: () => Promise<T>): Promise<T> => runAs(Actor.job(tenantId), work);
    return {
      read: () => asTenant(() => this.grants.find(owner)),
      claim: ({ revision }) => asTenant(() => this.grants.claim(owner, revision)),
      renew: (claim, grant, tokens) => asTenant(() => this.grants.renew(owner, claim, grant, tokens)),
      release: (claim) => asTenant(() => this.grants.release(owner, claim)),
      want: (scope) => asTenant(() => this.grants.want(owner, scope)),
      end: (grant, reason) => asTenant(() => this.end(owner, grant, reason)),
    };
  }

  private async end(owner: GrantOwner, { revision, server }: KeptGrant, reason: EndReason): Promise<void> {
    await this.db.run(async () => {
      // Grants before clients, as whoever deletes the server takes them.
      const isEnded = await this.grants.remove(owner, revision);
      if (reason === 'unknownClient') await this.clients.forget(owner.serverId, server.issuer);
      if (isEnded) await this.tellEnded(owner, 'refused');
    });
  }

  /** In the transaction that ends it. */
  async tellEnded(
    { serverId, userId }: Omit<GrantOwner, 'serverUrl'>,
    reason: 'disconnected' | 'refused',
  ): Promise<void> {
    await this.events.publish('mcpServer.disconnected', {
      resourceType: 'mcpServer',
      resourceId: serverId,
      payload: { serverId, userId, reason },
      changes: { userId, reason },
    });
    this.tellConnections(serverId, userId);
  }

  /** In the transaction that stores it: whoever waits for it goes on. */
  async tellConnected({ serverId, userId }: GrantOwner): Promise<void> {
    await this.events.publish('mcpServer.connected', {
      resourceType: 'mcpServer',
      resourceId: serverId,
      payload: { serverId, userId },
      changes: { userId },
    });
    this.tellConnections(serverId, userId);
  }

  /** After commit: connections that know another grant, or none, are made anew. */
  private tellConnections(serverId: string, userId: string | null): void {
    const { tenantId } = currentTenantActor();
    const changed = { tenantId, serverId, ...(userId !== null && { userId }) };
    this.db.afterCommit(() => this.live.signal('mcp.serverChanged', changed));
  }
}

/** Null where nobody can have a grant. */
export function ownerOf({ id, url, oauth }: OAuthServer, userId: string | null): GrantOwner | null {
  if (!oauth || url === null) return null;
  if (oauth.identity === 'tenant') return { serverId: id, serverUrl: url, userId: null };
  return userId === null ? null : { serverId: id, serverUrl: url, userId };
}
