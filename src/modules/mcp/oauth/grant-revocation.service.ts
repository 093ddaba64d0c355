import { Injectable, Logger } from '@nestjs/common';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { GuardedFetch } from '../../../platform/egress/guarded-fetch.js';
import type { Grant } from './grant.js';
import { ASKING, McpGrants } from './mcp-grants.service.js';
import { OAuthGrantsRepository, type GrantsOf } from './oauth-grants.repository.js';

/** For a person, or a process that stops, who waits for it. */
const REVOCATION_MS = 10_000;
const AT_ONCE = 8;

/** Takes grants back where they came from, so that nobody can use their tokens any more. */
@Injectable()
export class GrantRevocation {
  private readonly logger = new Logger('McpOAuth');
  private readonly ask: FetchLike;

  constructor(
    private readonly stored: OAuthGrantsRepository,
    private readonly grants: McpGrants,
    outside: GuardedFetch,
  ) {
    this.ask = outside.with(ASKING);
  }

  /** In the transaction that ends them, all that there are of a server or a user: to be revoked once it has committed. */
  async takeAllOf(of: GrantsOf): Promise<Grant[]> {
    const taken = await this.stored.takeAllOf(of);
    await Promise.all(taken.map((owner) => this.grants.tellEnded(owner, 'disconnected')));
    return taken.flatMap(({ grant }) => grant ?? []);
  }

  /** Outside of any transaction. What the authorization server does not take back in time is left, and logged. */
  async revoke(grants: readonly Grant[]): Promise<void> {
    if (grants.length === 0) return;
    const { revokeTokens } = await import('./token-requests.js');
    const signal = AbortSignal.timeout(REVOCATION_MS);
    const due = grants.values();
    const takeTurns = async (): Promise<void> => {
      for (const grant of due) {
        try {
          await revokeTokens(grant, (url, init) => this.ask(url, { ...init, signal }));
        } catch (error) {
          this.logger.warn(
            { err: error, issuer: grant.server.issuer },
            'What a server gave could not be revoked there',
          );
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, takeTurns));
  }
}
