import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { AuthorizationServer } from '../../src/modules/mcp/oauth/authorization-server.js';

export interface CrossAppContext {
  idp_client_id?: string;
  idp_id_token?: string;
  idp_token_endpoint?: string;
}

/**
 * What to ask an authorization server for in the name of somebody whom an identity provider vouches for (SEP-990): it
 * turns their login into a grant for that server and resource. Atrium has no such logins, so it stands here.
 */
export async function crossAppGrant(
  { idp_client_id = '', idp_id_token = '', idp_token_endpoint = '' }: CrossAppContext,
  { issuer, resource }: AuthorizationServer,
  fetchFn: FetchLike,
): Promise<Record<string, string>> {
  const response = await fetchFn(idp_token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
      subject_token: idp_id_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      audience: issuer,
      resource: resource ?? '',
      client_id: idp_client_id,
    }),
  });
  const { access_token: assertion } = (await response.json()) as { access_token: string };
  return { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
}
