import { Injectable } from '@nestjs/common';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { AccessDenied, BadRequest, Conflict, DomainError, ExternalServiceFailed } from '../../../contracts/errors.js';
import type { Permission } from '../../../contracts/permissions.js';
import { currentTenantActor, runAs } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { violatesForeignKey } from '../../../platform/database/database-errors.js';
import { GuardedFetch } from '../../../platform/egress/guarded-fetch.js';
import { McpHeaders } from '../mcp-headers.js';
import type { McpServerEntity } from '../mcp-server.entity.js';
import { McpServers } from '../mcp-servers.service.js';
import type { AuthorizationAnswer, MachineAccess } from './authorization.js';
import { ClientIdentities } from './client-identities.js';
import { tokensOf, type Grant } from './grant.js';
import { GrantRevocation } from './grant-revocation.service.js';
import { ASKING, McpGrants, ownerOf } from './mcp-grants.service.js';
import type { OAuthClient } from './oauth-client.js';
import { OAuthClientsRepository } from './oauth-clients.repository.js';
import { OAuthFlowsRepository, type Flow } from './oauth-flows.repository.js';
import { OAuthGrantsRepository, type GrantOwner } from './oauth-grants.repository.js';
import { OAuthRefusal } from './oauth-refusal.js';
import type { OAuthStartDto, OAuthStateDto } from './oauth.dto.js';

const OF_MEMBER = 'mcp_oauth_grants_tenant_id_user_id_fkey';

/** It was deleted, or has another address or identity, since it was read. */
class ServerChanged extends Conflict {}

/** What the browser brought back, and the state it brought it for. */
export interface CallbackAnswer extends AuthorizationAnswer {
  readonly state: string;
}

/** How people connect an account with an MCP server, and take it back. */
@Injectable()
export class OAuthConnections {
  private readonly ask: FetchLike;

  constructor(
    private readonly servers: McpServers,
    private readonly headers: McpHeaders,
    private readonly grants: McpGrants,
    private readonly stored: OAuthGrantsRepository,
    private readonly flows: OAuthFlowsRepository,
    private readonly clients: OAuthClientsRepository,
    private readonly identities: ClientIdentities,
    private readonly revocation: GrantRevocation,
    private readonly outside: GuardedFetch,
    private readonly db: Db,
  ) {
    this.ask = outside.with(ASKING);
  }

  /** @throws NotFound */
  async get(id: string): Promise<OAuthStateDto> {
    const server = await this.servers.require(id);
    const state = await this.grants.stateOf(server, currentTenantActor().userId);
    return { identity: server.oauth?.identity ?? null, state };
  }

  /** @throws NotFound, AccessDenied, Conflict, ExternalServiceFailed */
  async start(id: string): Promise<OAuthStartDto> {
    const server = await this.servers.require(id);
    const { owner, userId, identity } = this.connecting(server);
    const grant = await this.stored.find(owner);
    const state = this.flows.newState();
    const { beginAuthorization } = await flowsOfTheSdk();
    const { authorizationUrl, pending } = await this.asking(server, () =>
      beginAuthorization({
        serverUrl: new URL(owner.serverUrl),
        transport: transportOf(server),
        identity: this.identities.own,
        clients: this.clients.of(server.id, this.identities.own.redirectUri),
        state,
        scope: [grant?.scope, grant?.wantedScope].filter((scope) => scope != null).join(' '),
        toServer: this.fetchTo(server),
        fetchFn: this.ask,
      }),
    );
    const { serverId, serverUrl } = owner;
    await this.flows.add(state, { serverId, serverUrl, userId, identity, pending });
    return { authorizationUrl: authorizationUrl.href };
  }

  /** Whoever comes with a state acts as who started it, once. @throws BadRequest, AccessDenied, ExternalServiceFailed */
  async finish({ state, ...answer }: CallbackAnswer): Promise<{ serverId: string; serverName: string }> {
    const starter = await this.flows.starterOf(state);
    if (!starter) throw over();
    return runAs(starter, async () => {
      const flow = await this.flows.take(state);
      if (!flow) throw over();
      const server = await this.servers.require(flow.serverId);
      const { owner, identity } = this.connecting(server);
      if (owner.serverUrl !== flow.serverUrl || identity !== flow.identity) throw over();
      await this.store(owner, flow, await this.tokensFor(server, flow, answer));
      return { serverId: server.id, serverName: server.name };
    });
  }

  /** Also where the authorization server does not answer: what it gave is not used any more. @throws NotFound, AccessDenied */
  async disconnect(id: string): Promise<void> {
    const server = await this.servers.require(id);
    const { owner } = this.connecting(server);
    const grant = await this.db.run(async () => {
      const taken = await this.stored.take(owner);
      if (taken) await this.grants.tellEnded(owner, 'disconnected');
      if (taken === null || taken === 'unreadable') return null;
      // Whoever is stuck with a client that is not known any more over there gets a new one by connecting anew.
      if (owner.userId === null) await this.clients.forget(server.id, taken.server.issuer);
      return taken;
    });
    if (grant) await this.revocation.revoke([grant]);
  }

  /** What a client gets that asks no person. @throws Conflict, ExternalServiceFailed */
  async machineAccess(server: McpServerEntity, issuer: string, client: OAuthClient): Promise<MachineAccess> {
    const { owner } = this.connecting(server);
    const { requestMachineAccess } = await flowsOfTheSdk();
    return this.asking(server, () =>
      requestMachineAccess({
        ...{ issuer, client, serverUrl: new URL(owner.serverUrl), transport: transportOf(server) },
        ...{ toServer: this.fetchTo(server), fetchFn: this.ask },
      }),
    );
  }

  async storeMachineAccess(server: McpServerEntity, { grant, tokens, scope }: MachineAccess): Promise<void> {
    await this.put(this.connecting(server).owner, grant, tokens, scope);
  }

  /** Whose account it will be. @throws Conflict, AccessDenied */
  private connecting(server: McpServerEntity): { owner: GrantOwner; userId: string; identity: Flow['identity'] } {
    const { userId, permissions } = currentTenantActor();
    const owner = ownerOf(server, userId);
    if (!owner || !server.oauth || userId === null) throw new Conflict(`${server.name} has no OAuth`);
    const { identity } = server.oauth;
    const permission: Permission = identity === 'tenant' ? 'mcp:update' : 'mcp:execute';
    if (!permissions.has(permission))
      throw new AccessDenied(`${server.name} is connected for everybody, which needs ${permission}`, {
        details: { permission },
      });
    return { owner, userId, identity };
  }

  private async tokensFor(server: McpServerEntity, { pending }: Flow, answer: AuthorizationAnswer) {
    const { completeAuthorization } = await flowsOfTheSdk();
    try {
      return await this.asking(server, () => completeAuthorization(pending, answer, this.ask));
    } catch (error) {
      const isUnknown = codeOf(error) === 'invalid_client' || codeOf(error) === 'unauthorized_client';
      if (isUnknown) await this.clients.forget(server.id, pending.server.issuer);
      throw error;
    }
  }

  private async store(owner: GrantOwner, { pending }: Flow, tokens: OAuthTokens): Promise<void> {
    const { server, client, scope } = pending;
    try {
      await this.put(owner, { server, client }, tokens, scope);
    } catch (error) {
      if (!(error instanceof ServerChanged) && !violatesForeignKey(error, OF_MEMBER)) throw error;
      // Nobody can use it, so nobody could disconnect it either.
      await this.revocation.revoke([{ server, client, tokens: tokensOf(tokens) }]);
      throw over();
    }
  }

  private async put(
    owner: GrantOwner,
    grant: Omit<Grant, 'tokens'>,
    tokens: OAuthTokens,
    scope: string | null,
  ): Promise<void> {
    await this.db.run(async () => {
      // Before the grant: whoever changes or deletes the server meanwhile would not take it with the others.
      const server = await this.servers.held(owner.serverId);
      const present = server && ownerOf(server, owner.userId);
      if (present?.serverUrl !== owner.serverUrl || present.userId !== owner.userId)
        throw new ServerChanged('The server was changed in the meantime');
      await this.stored.put(owner, grant, tokens, scope);
      await this.grants.tellConnected(owner);
    });
  }

  /** With the headers that the server wants of everybody. */
  private fetchTo(server: McpServerEntity): FetchLike {
    const own = Object.entries(this.headers.open(server));
    const send = this.outside.with({ ...ASKING, serviceName: server.name });
    return (url, init) => {
      const headers = new Headers(init?.headers);
      for (const [name, value] of own) headers.set(name, value);
      return send(url, { ...init, headers });
    };
  }

  private async asking<T>({ name }: McpServerEntity, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof DomainError || !(error instanceof OAuthRefusal)) throw error;
      const { message } = error;
      throw new ExternalServiceFailed(name, `${name} can not be connected: ${message}`, {
        retryable: false,
        cause: error,
      });
    }
  }
}

/** When they are needed: the SDK takes a while to load, which no start should wait for. */
function flowsOfTheSdk() {
  return import('./authorization.js');
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && error.cause instanceof OAuthRefusal ? error.cause.code : null;
}

function transportOf({ transport }: McpServerEntity): 'http' | 'sse' {
  return transport === 'sse' ? 'sse' : 'http';
}

function over(): BadRequest {
  return new BadRequest('This was used already or is too old: connect the account again');
}
