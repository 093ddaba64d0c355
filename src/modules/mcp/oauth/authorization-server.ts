import { buildDiscoveryUrls, discoverOAuthProtectedResourceMetadata } from '@modelcontextprotocol/sdk/client/auth.js';
import { OAuthMetadataSchema, type OAuthMetadata } from '@modelcontextprotocol/sdk/shared/auth.js';
import { checkResourceAllowed, resourceUrlFromServerUrl } from '@modelcontextprotocol/sdk/shared/auth-utils.js';
import { fetchWithinOrigin, type FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { DomainError } from '../../../contracts/errors.js';
import type { Challenge } from './challenge.js';
import { OAuthRefusal } from './oauth-refusal.js';

/** Who gives access to an MCP server, as far as its flows need to know it; it is stored with what it gave. */
export interface AuthorizationServer {
  /** Clients and grants are of this one alone. */
  readonly issuer: string;
  /** Null: one of the time before such metadata, whose end points are where they were by default. */
  readonly metadata: AuthorizationServerMetadata | null;
  /** The MCP server, as it names itself (RFC 8707); null where it says nothing of itself. */
  readonly resource: string | null;
  readonly resourceScopes: readonly string[];
}

export type AuthorizationServerMetadata = Pick<OAuthMetadata, (typeof KEPT)[number]>;

const KEPT = [
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'response_types_supported',
  'scopes_supported',
  'code_challenge_methods_supported',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'revocation_endpoint_auth_methods_supported',
  'client_id_metadata_document_supported',
  'authorization_response_iss_parameter_supported',
] as const;

const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'registration_endpoint', 'revocation_endpoint'] as const;

/** Finds it by RFC 9728 and 8414 or OpenID; the SDK's own way keeps neither revocation end points nor issuers. */
export async function findAuthorizationServer(
  serverUrl: URL,
  challenge: Challenge,
  fetchFn: FetchLike,
): Promise<AuthorizationServer> {
  const resource = await resourceMetadata(serverUrl, challenge, fetchFn);
  if (!resource) return legacyServer(serverUrl, fetchFn);
  const requestedResource = resourceUrlFromServerUrl(serverUrl);
  if (!checkResourceAllowed({ requestedResource, configuredResource: resource.resource }))
    throw new OAuthRefusal('The metadata of the MCP server is that of another resource');
  const [url] = resource.authorization_servers ?? [];
  const scopes = { resource: resource.resource, resourceScopes: resource.scopes_supported ?? [] };
  if (url === undefined) return { ...(await legacyServer(serverUrl, fetchFn)), ...scopes };
  const metadata = await metadataOf(url, serverUrl, fetchFn);
  if (!metadata) throw new OAuthRefusal('The authorization server has no metadata');
  if (!sameIssuer(metadata.issuer, url))
    throw new OAuthRefusal('The authorization server calls itself by another name');
  return { issuer: metadata.issuer, metadata, ...scopes };
}

/** Before RFC 9728, servers gave access to themselves. */
async function legacyServer(serverUrl: URL, fetchFn: FetchLike): Promise<AuthorizationServer> {
  const metadata = await metadataOf(serverUrl.origin, serverUrl, fetchFn);
  if (metadata && URL.parse(metadata.issuer)?.origin !== serverUrl.origin)
    throw new OAuthRefusal('The authorization server calls itself by another name');
  return { issuer: metadata?.issuer ?? serverUrl.origin, metadata, resource: null, resourceScopes: [] };
}

async function resourceMetadata(serverUrl: URL, { resourceMetadataUrl }: Challenge, fetchFn: FetchLike) {
  try {
    return await discoverOAuthProtectedResourceMetadata(serverUrl, { resourceMetadataUrl }, fetchFn);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    // Where the server itself says it is, it has to be.
    if (resourceMetadataUrl) throw new OAuthRefusal('The metadata that the MCP server names can not be read');
    return null;
  }
}

async function metadataOf(
  issuer: string,
  serverUrl: URL,
  fetchFn: FetchLike,
): Promise<AuthorizationServerMetadata | null> {
  for (const { url } of buildDiscoveryUrls(issuer)) {
    const response = await fetchWithinOrigin(fetchFn)(url, { headers: { accept: 'application/json' } });
    if (response.ok) return checked(await parsed(response), serverUrl);
    await response.body?.cancel();
    if (response.status >= 500) throw new OAuthRefusal('The metadata of the authorization server can not be read');
  }
  return null;
}

async function parsed(response: Response): Promise<OAuthMetadata> {
  const said: unknown = await response.json().catch((error: unknown) => {
    if (error instanceof DomainError) throw error;
    return null;
  });
  const { data } = OAuthMetadataSchema.safeParse(said);
  if (!data) throw new OAuthRefusal('The metadata of the authorization server is not valid');
  return data;
}

function checked(metadata: OAuthMetadata, serverUrl: URL): AuthorizationServerMetadata {
  for (const name of ENDPOINTS) {
    const protocol = URL.parse(metadata[name] ?? serverUrl.href)?.protocol;
    // Plain HTTP only for what is reached by it anyway.
    if (protocol !== 'https:' && !(protocol === 'http:' && serverUrl.protocol === 'http:'))
      throw new OAuthRefusal('An end point of the authorization server is not encrypted');
  }
  // Who does not say so does not look at the verifier, and the specification of MCP has us refuse.
  if (!metadata.code_challenge_methods_supported?.includes('S256'))
    throw new OAuthRefusal('The authorization server does not support PKCE with S256');
  const kept = KEPT.filter((name) => metadata[name] !== undefined).map((name) => [name, metadata[name]]);
  return Object.fromEntries(kept) as AuthorizationServerMetadata;
}

/** A slash at the end makes no other issuer: addresses without a path are written with and without it. */
export function sameIssuer(a: string, b: string): boolean {
  const [x, y] = [a, b].map((issuer) => (URL.parse(issuer)?.href ?? issuer).replace(/\/$/, ''));
  return x === y;
}
