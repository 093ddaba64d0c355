import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { DomainError } from '../../contracts/errors.js';
import type { McpServerEntity } from './mcp-server.entity.js';

/**
 * By what Atrium is known to servers with OAuth. Its injection token is this class. A grant that is made, renewed by
 * hand or revoked is told by the live signal `mcp.serverChanged`, so that connections that know another are closed.
 */
export abstract class McpCredentials {
  /**
   * The same as `fetchFn`, for requests to the server, which go out with an access token; undefined where the server
   * has no OAuth. `userId` counts for identity `user`. Called within the tenant's scope, outside of any transaction.
   * @throws AccountNotConnected when there is no grant, so that nothing is asked of the server in vain
   */
  abstract fetchFor(
    server: McpServerEntity,
    userId: string | null,
    fetchFn: FetchLike,
  ): Promise<AuthorizedFetch | undefined>;
}

export interface AuthorizedFetch {
  fetch: FetchLike;
  /** What must not come back in answers. */
  secrets: () => readonly string[];
}

/** A person has to connect their account with the server first, or anew. The fetch may throw it as well. */
export class AccountNotConnected extends DomainError {
  constructor(
    readonly serverId: string,
    readonly serverName: string,
    readonly identity: 'tenant' | 'user',
  ) {
    super('external_service_error', 502, `The account with ${serverName} is not connected`, {
      details: { serviceName: serverName, reason: 'not_connected', serverId, identity },
    });
  }
}
