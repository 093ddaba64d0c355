import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ExternalServiceFailed } from '../../../contracts/errors.js';
import { isRenewable, tokensOf, type TokenPair } from './grant.js';
import type { EndReason, GrantStore, KeptGrant } from './kept-grant.js';
import { OAuthRefusal } from './oauth-refusal.js';

const LOOK_AGAIN_MS = 100;
/** Longer than a renewal takes. */
const WAIT_MS = 30_000;
/** An access token that ends sooner may have ended when it arrives. */
const MARGIN_MS = 5_000;

/** What ends a grant; anything else may pass. */
const ENDS: Readonly<Record<string, EndReason>> = {
  invalid_grant: 'refused',
  invalid_client: 'unknownClient',
  unauthorized_client: 'unknownClient',
};

/** Access tokens of one grant: of all that need a new one at a time, in all processes, one asks for it. */
export class GrantTokens {
  /** Of this process; the others are told by the claim. */
  private renewal: Promise<unknown> | null = null;
  private readonly logger = new Logger('GrantTokens');

  constructor(
    private readonly store: GrantStore,
    private readonly serverName: string,
    private readonly fetchFn: FetchLike,
  ) {}

  /**
   * A token to send, null without a grant. `refused` is one that the server did not take, and is not given again.
   * @throws ExternalServiceFailed when it has to be renewed and can not be for now
   */
  async current(refused: string | null = null): Promise<string | null> {
    for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline;) {
      const grant = await this.store.read();
      if (!grant) return null;
      const holds = isUsable(grant, refused);
      if (holds && !isDue(grant)) return grant.tokens.accessToken;
      if (!isRenewable(grant)) {
        if (holds) return grant.tokens.accessToken;
        await this.store.end(grant, 'refused');
        return null;
      }
      const claim = await this.store.claim(grant);
      const renewed = claim === null ? null : await this.renew(claim, grant);
      if (renewed === 'ended') return null;
      // As it came: one that lives for a moment is still the newest there is.
      if (renewed) return renewed.accessToken;
      // While another is at it, or it fails for now, the token that still holds will do.
      if (holds) return grant.tokens.accessToken;
      if (claim !== null) throw this.notNow();
      await (this.renewal ?? pause(LOOK_AGAIN_MS));
    }
    throw this.notNow();
  }

  /** Notes that the server wants more than the grant gives. False when that was asked for already: it is not given. */
  async want(scopes: readonly string[]): Promise<boolean> {
    const grant = await this.store.read();
    const asked = (grant?.scope ?? '').split(' ');
    if (!grant || scopes.every((scope) => asked.includes(scope))) return false;
    await this.store.want(scopes.join(' '));
    return true;
  }

  /** Null when it is to be tried again later. */
  private async renew(claim: number, grant: KeptGrant): Promise<TokenPair | 'ended' | null> {
    const renewing = this.renewed(claim, grant);
    this.renewal = renewing;
    try {
      return await renewing;
    } finally {
      this.renewal = null;
    }
  }

  private async renewed(claim: number, grant: KeptGrant): Promise<TokenPair | 'ended' | null> {
    try {
      const { renewTokens } = await import('./token-requests.js');
      const tokens = await renewTokens(grant, grant.scope, this.fetchFn);
      // Before anybody uses them: a refresh token that was lost is the end of the grant.
      if (await this.store.renew(claim, grant, tokens)) return tokensOf(tokens);
      return await this.giveBack(grant, tokens);
    } catch (error) {
      const ending = error instanceof OAuthRefusal ? ENDS[error.code ?? ''] : undefined;
      if (ending) {
        await this.store.end(grant, ending);
        return 'ended';
      }
      await this.store.release(claim);
      this.logger.warn({ err: error }, `The token for ${this.serverName} can not be renewed for now`);
      return null;
    }
  }

  /** Connected anew in the meantime, or disconnected: then what came is nobody's, and would stay valid over there. */
  private async giveBack(grant: KeptGrant, tokens: OAuthTokens): Promise<TokenPair | 'ended'> {
    const present = await this.store.read();
    if (present) return present.tokens;
    const { revokeTokens } = await import('./token-requests.js');
    await revokeTokens({ ...grant, tokens: tokensOf(tokens) }, this.fetchFn).catch((error: unknown) => {
      this.logger.warn({ err: error }, `A token for ${this.serverName} could not be revoked`);
    });
    return 'ended';
  }

  private notNow(): ExternalServiceFailed {
    const message = `The token for ${this.serverName} can not be renewed for now`;
    return new ExternalServiceFailed(this.serverName, message, { retryable: true });
  }
}

function isUsable({ tokens, expiresAt, renewAt }: KeptGrant, refused: string | null): boolean {
  if (tokens.accessToken === refused) return false;
  if (expiresAt === null) return true;
  const left = expiresAt.getTime() - Date.now();
  // Of one that does not live long, less.
  const margin = Math.min(MARGIN_MS, expiresAt.getTime() - (renewAt ?? expiresAt).getTime());
  return left > Math.max(margin, 0);
}

function isDue({ renewAt }: KeptGrant): boolean {
  return renewAt !== null && renewAt.getTime() <= Date.now();
}
