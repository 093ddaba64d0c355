import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { AuthorizationServer } from './authorization-server.js';
import type { OAuthClient } from './oauth-client.js';

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

/** Whether there is a way to new tokens without a person. */
export function isRenewable({ client, tokens }: Grant): boolean {
  return client.isMachine === true || tokens.refreshToken !== null;
}
