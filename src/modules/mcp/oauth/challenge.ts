import { extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';

/** What a server says when it wants a token, or one that may do more. */
export type Challenge = ReturnType<typeof extractWWWAuthenticateParams>;

export function challengeOf(response: Response): Challenge {
  return extractWWWAuthenticateParams(response);
}

/** Asks a server without a token, for what it says then. One that lets anybody say hello is not asked further. */
export async function provokeChallenge(
  serverUrl: URL,
  transport: 'http' | 'sse',
  fetchFn: FetchLike,
): Promise<Challenge> {
  const response = await fetchFn(serverUrl, transport === 'sse' ? EVENTS : HELLO);
  // An event stream would go on for ever.
  await response.body?.cancel();
  return response.status === 401 ? challengeOf(response) : {};
}

const EVENTS = { headers: { accept: 'text/event-stream' } };

const HELLO = {
  method: 'POST',
  headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: {
      protocolVersion: LATEST_PROTOCOL_VERSION,
      capabilities: {},
      clientInfo: { name: 'atrium', version: '1.0.0' },
    },
  }),
};
