import {
  fetchToken,
  refreshAuthorization,
  selectClientAuthMethod,
  type OAuthClientProvider,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { createPrivateKeyJwtAuth } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Grant } from './grant.js';
import type { OAuthClient } from './oauth-client.js';
import { OAuthRefusal, refusalOf } from './oauth-refusal.js';

/** With another than a person's code or a refresh token, by the grant type that `asks` names. @throws OAuthRefusal */
export async function requestTokens(
  { server, client }: Omit<Grant, 'tokens'>,
  asks: Readonly<Record<string, string>>,
  fetchFn: FetchLike,
): Promise<OAuthTokens> {
  const nobody = () => {
    throw new OAuthRefusal('There is nobody to ask');
  };
  const provider: OAuthClientProvider = {
    redirectUrl: undefined,
    clientMetadata: { redirect_uris: [] },
    clientInformation: () => client,
    addClientAuthentication: authenticationOf(client),
    prepareTokenRequest: () => new URLSearchParams(asks),
    ...{ tokens: () => undefined, saveTokens: nobody, redirectToAuthorization: nobody },
    ...{ saveCodeVerifier: nobody, codeVerifier: nobody },
  };
  try {
    const resource = server.resource ?? undefined;
    return await fetchToken(provider, server.issuer, { metadata: server.metadata ?? undefined, resource, fetchFn });
  } catch (error) {
    throw refusalOf(error, 'The request for a token');
  }
}

/** For a client that needs no person. */
export function requestMachineTokens(
  grant: Omit<Grant, 'tokens'>,
  scope: string | null,
  fetchFn: FetchLike,
): Promise<OAuthTokens> {
  return requestTokens(grant, { grant_type: 'client_credentials', ...(scope !== null && { scope }) }, fetchFn);
}

/** Undefined: by the client's secret or without one, as the SDK does by itself. */
export function authenticationOf({ client_id, signing }: OAuthClient): OAuthClientProvider['addClientAuthentication'] {
  if (!signing) return undefined;
  const { key: privateKey, algorithm: alg } = signing;
  return createPrivateKeyJwtAuth({ issuer: client_id, subject: client_id, privateKey, alg });
}

/** @throws OAuthRefusal */
export async function renewTokens(
  { server, client, tokens }: Grant,
  scope: string | null,
  fetchFn: FetchLike,
): Promise<OAuthTokens> {
  if (client.isMachine === true) return requestMachineTokens({ server, client }, scope, fetchFn);
  if (tokens.refreshToken === null) throw new OAuthRefusal('There is no refresh token', 'invalid_grant');
  try {
    return await refreshAuthorization(server.issuer, {
      metadata: server.metadata ?? undefined,
      clientInformation: client,
      addClientAuthentication: authenticationOf(client),
      refreshToken: tokens.refreshToken,
      resource: server.resource ?? undefined,
      fetchFn,
    });
  } catch (error) {
    throw refusalOf(error, 'The renewal of the token');
  }
}

/** RFC 7009, the refresh token first: an access token that outlives it ends by itself. */
export async function revokeTokens({ server, client, tokens }: Grant, fetchFn: FetchLike): Promise<void> {
  const { metadata } = server;
  if (metadata?.revocation_endpoint === undefined) return;
  const methods = metadata.revocation_endpoint_auth_methods_supported ?? metadata.token_endpoint_auth_methods_supported;
  const revoke = async (token: string, hint: string) => {
    const body = new URLSearchParams({ token, token_type_hint: hint });
    const headers = authenticated(client, methods ?? [], body);
    const response = await fetchFn(metadata.revocation_endpoint ?? '', {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
    });
    await response.body?.cancel();
    if (!response.ok) throw new OAuthRefusal(`The revocation was answered with ${response.status}`);
  };
  if (tokens.refreshToken !== null) await revoke(tokens.refreshToken, 'refresh_token');
  await revoke(tokens.accessToken, 'access_token');
}

/** The SDK does this at the token end point, and nowhere else. */
function authenticated(client: OAuthClient, methods: string[], body: URLSearchParams): Headers {
  const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' });
  const method = selectClientAuthMethod(client, methods);
  if (method === 'client_secret_basic') {
    const pair = `${client.client_id}:${client.client_secret ?? ''}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
    return headers;
  }
  body.set('client_id', client.client_id);
  if (method === 'client_secret_post') body.set('client_secret', client.client_secret ?? '');
  return headers;
}
