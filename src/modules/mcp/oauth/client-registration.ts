import { registerClient } from '@modelcontextprotocol/sdk/client/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { AuthorizationServer } from './authorization-server.js';
import { clientMetadata, type ClientIdentity, type OAuthClient } from './oauth-client.js';
import { OAuthRefusal, refusalOf } from './oauth-refusal.js';

/** What is known of clients already, of one MCP server and one redirect URI. */
export interface ClientStore {
  find(issuer: string): Promise<OAuthClient | null>;
  save(issuer: string, client: OAuthClient): Promise<void>;
}

/** Secrets that end within it are not worth beginning with. */
const MARGIN_SECONDS = 3_600;

const METHODS = ['client_secret_basic', 'client_secret_post', 'none'];

/** A client that is known already, else an address (CIMD) where it is taken for a name, else one that is registered now. */
export async function clientOf(
  server: AuthorizationServer,
  identity: ClientIdentity,
  { store, scope, fetchFn }: { store: ClientStore; scope: string | undefined; fetchFn: FetchLike },
): Promise<OAuthClient> {
  const known = await store.find(server.issuer);
  if (known && !endsSoon(known)) return known;
  const client = await newClient(server, identity, scope, fetchFn);
  await store.save(server.issuer, client);
  return client;
}

async function newClient(
  { issuer, metadata }: AuthorizationServer,
  identity: ClientIdentity,
  scope: string | undefined,
  fetchFn: FetchLike,
): Promise<OAuthClient> {
  if (metadata?.client_id_metadata_document_supported === true && identity.metadataUrl)
    return { client_id: identity.metadataUrl };
  if (metadata && metadata.registration_endpoint === undefined)
    throw new OAuthRefusal('The authorization server registers no clients by itself');
  const method = METHODS.find((name) => metadata?.token_endpoint_auth_methods_supported?.includes(name));
  const about = { ...clientMetadata(identity), ...(method !== undefined && { token_endpoint_auth_method: method }) };
  try {
    const given = await registerClient(issuer, {
      metadata: metadata ?? undefined,
      clientMetadata: about,
      scope,
      fetchFn,
    });
    return {
      client_id: given.client_id,
      client_secret: given.client_secret,
      client_secret_expires_at: given.client_secret_expires_at,
      token_endpoint_auth_method: given.token_endpoint_auth_method,
    };
  } catch (error) {
    throw refusalOf(error, 'The registration as a client');
  }
}

function endsSoon({ client_secret_expires_at: end = 0 }: OAuthClient): boolean {
  return end !== 0 && end < Date.now() / 1000 + MARGIN_SECONDS;
}
