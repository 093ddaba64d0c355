import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { AuthorizedFetch } from '../mcp-credentials.js';
import type { GrantTokens } from './grant-tokens.js';
import { scopesIn } from './scopes.js';

/**
 * Sends what an MCP transport sends with an access token; `notConnected` makes the error for when there is none. It
 * stands below the transport, since the SDK's own authorization renews once for each request that is refused.
 */
export function authorizedFetch(
  fetchFn: FetchLike,
  serverUrl: URL,
  tokens: GrantTokens,
  notConnected: () => Error,
): AuthorizedFetch {
  /** The tokens that were sent last: an answer may come later than the next token. */
  const sent: string[] = [];
  const send = async (url: string | URL, init: RequestInit | undefined, token: string | null) => {
    if (token === null) throw notConnected();
    if (!sent.includes(token)) sent.splice(0, sent.length, token, ...sent.slice(0, 1));
    // The token is the server's, wherever that sends us.
    if (new URL(url).origin !== serverUrl.origin) return fetchFn(url, init);
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${token}`);
    return fetchFn(url, { ...init, headers });
  };

  const fetch: FetchLike = async (url, init) => {
    const token = await tokens.current();
    const response = await send(url, init, token);
    if (response.status !== 401) return checked(response);
    await response.body?.cancel();
    return checked(await send(url, init, await tokens.current(token)));
  };
  return { fetch, secrets: () => sent };

  async function checked(response: Response): Promise<Response> {
    if (response.status !== 403) return response;
    const { challengeOf } = await import('./challenge.js');
    const { error, scope } = challengeOf(response);
    if (error !== 'insufficient_scope' || !(await tokens.want(scopesIn(scope)))) return response;
    await response.body?.cancel();
    throw notConnected();
  }
}
