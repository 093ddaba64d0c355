import { exchangeAuthorization, startAuthorization } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { findAuthorizationServer, sameIssuer, type AuthorizationServer } from './authorization-server.js';
import { provokeChallenge } from './challenge.js';
import { clientOf, type ClientStore } from './client-registration.js';
import type { Grant } from './grant.js';
import type { ClientIdentity, OAuthClient } from './oauth-client.js';
import { OAuthRefusal, refusalOf } from './oauth-refusal.js';
import { scopeToAsk } from './scopes.js';
import { authenticationOf, requestMachineTokens } from './token-requests.js';

/** What has to be remembered while a person is at the authorization server. */
export interface PendingAuthorization {
  readonly server: AuthorizationServer;
  readonly client: OAuthClient;
  readonly redirectUri: string;
  readonly scope: string | null;
  /** Of PKCE: whoever has only the code can do nothing with it. */
  readonly codeVerifier: string;
}

/** What the browser brings back. */
export interface AuthorizationAnswer {
  readonly code?: string;
  readonly error?: string;
  readonly iss?: string;
}

interface AuthorizationRequest {
  readonly serverUrl: URL;
  readonly transport: 'http' | 'sse';
  readonly identity: ClientIdentity;
  readonly clients: ClientStore;
  readonly state: string;
  /** What was asked for before, and what the server has wanted besides. */
  readonly scope: string | null;
  /** To the MCP server itself, which may want headers of its own. */
  readonly toServer: FetchLike;
  readonly fetchFn: FetchLike;
}

/** From an MCP server's address to that at which a person gives access. @throws OAuthRefusal */
export async function beginAuthorization({
  serverUrl,
  identity,
  state,
  fetchFn,
  ...request
}: AuthorizationRequest): Promise<{ authorizationUrl: URL; pending: PendingAuthorization }> {
  const challenge = await provokeChallenge(serverUrl, request.transport, request.toServer);
  const server = await findAuthorizationServer(serverUrl, challenge, fetchFn);
  const scope = scopeToAsk(server, challenge.scope, request.scope);
  const client = await clientOf(server, identity, { store: request.clients, scope, fetchFn });
  if (client.isMachine === true) throw new OAuthRefusal('This client asks no person for access');
  try {
    const { authorizationUrl, codeVerifier } = await startAuthorization(server.issuer, {
      metadata: server.metadata ?? undefined,
      clientInformation: client,
      redirectUrl: identity.redirectUri,
      scope,
      state,
      resource: server.resource ?? undefined,
    });
    const pending = { server, client, redirectUri: identity.redirectUri, scope: scope ?? null, codeVerifier };
    return { authorizationUrl, pending };
  } catch (error) {
    throw refusalOf(error, 'The authorization');
  }
}

export interface MachineAccess {
  readonly grant: Omit<Grant, 'tokens'>;
  readonly tokens: OAuthTokens;
  readonly scope: string | null;
}

/** The same for a client that asks no person, and is known to this issuer alone. @throws OAuthRefusal */
export async function requestMachineAccess({
  serverUrl,
  transport,
  issuer,
  client,
  toServer,
  fetchFn,
}: Pick<AuthorizationRequest, 'serverUrl' | 'transport' | 'toServer' | 'fetchFn'> & {
  readonly issuer: string;
  readonly client: OAuthClient;
}): Promise<MachineAccess> {
  const challenge = await provokeChallenge(serverUrl, transport, toServer);
  const server = await findAuthorizationServer(serverUrl, challenge, fetchFn);
  if (!sameIssuer(server.issuer, issuer)) throw new OAuthRefusal('The MCP server names another authorization server');
  const scope = scopeToAsk(server, challenge.scope, null) ?? null;
  return { grant: { server, client }, scope, tokens: await requestMachineTokens({ server, client }, scope, fetchFn) };
}

/** @throws OAuthRefusal */
export async function completeAuthorization(
  { server, client, redirectUri, codeVerifier }: PendingAuthorization,
  { code, error, iss }: AuthorizationAnswer,
  fetchFn: FetchLike,
): Promise<OAuthTokens> {
  const { metadata } = server;
  // RFC 9207: an answer of another server, which is to be given this one's code, is told by its name.
  if (iss === undefined ? metadata?.authorization_response_iss_parameter_supported === true : iss !== server.issuer)
    throw new OAuthRefusal('The answer came from another authorization server');
  if (error !== undefined || code === undefined) throw new OAuthRefusal('The authorization server gave no access');
  try {
    return await exchangeAuthorization(server.issuer, {
      metadata: metadata ?? undefined,
      clientInformation: client,
      addClientAuthentication: authenticationOf(client),
      authorizationCode: code,
      codeVerifier,
      redirectUri,
      resource: server.resource ?? undefined,
      fetchFn,
    });
  } catch (thrown) {
    throw refusalOf(thrown, 'The exchange of the code');
  }
}
