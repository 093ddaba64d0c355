import {
  fetchToken,
  refreshAuthorization,
  selectClientAuthMethod,
  type OAuthClientProvider,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { createPrivateKeyJwtAuth } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { AuthorizationServer } from './authorization-server.js';
import type { OAuthClient } from './client-registration.js';
import { OAuthRefusal, refusalOf } from './oauth-refusal.js';

/** What an authorization server gave, and what is needed to have it renewed or taken back. */
export interface Grant {
  readonly server: AuthorizationServer;
  readonly client: OAuthClient;
  readonly tokens: TokenPair;
}

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string | null;
}

export interface TokenTimes {
  /** Null where nobody said when the access token ends. */
  readonly expiresAt: Date | null;
  /** From when on it is renewed although it still holds. */
  readonly renewAt: Date | null;
}

/** Between these parts of its life a token is renewed, at random: those that were given at once are not renewed at once. */
const [EARLIEST, LATEST] = [0.7, 0.9];

export function tokensOf({ access_token, refresh_token }: OAuthTokens): TokenPair {
  return { accessToken: access_token, refreshToken: refresh_token ?? null };
}

export function timesOf({ expires_in: seconds }: OAuthTokens): TokenTimes {
  if (seconds === undefined || !Number.isFinite(seconds)) return { expiresAt: null, renewAt: null };
  const at = (part: number) => new Date(Date.now() + Math.min(Math.max(seconds, 0), MAX_SECONDS) * part * 1000);
  return { expiresAt: at(1), renewAt: at(EARLIEST + Math.random() * (LATEST - EARLIEST)) };
}

/** Ten years: later dates are no dates. */
const MAX_SECONDS = 315_360_000;

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

/** Whether there is a way to new tokens without a person. */
export function isRenewable({ client, tokens }: Grant): boolean {
  return client.isMachine === true || tokens.refreshToken !== null;
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
