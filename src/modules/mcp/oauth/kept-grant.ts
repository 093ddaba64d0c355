import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Grant, TokenTimes } from './grant.js';

/** A grant where it is kept. */
export interface KeptGrant extends Grant, TokenTimes {
  /** What was asked for, which is not always given. */
  readonly scope: string | null;
  /** Other tokens have another. */
  readonly revision: number;
}

/** `unknownClient`: it does not know who we are any more, so that others that it gave are worth nothing either. */
export type EndReason = 'refused' | 'unknownClient';

/** Where one grant is kept, that of a server and perhaps a user, for all processes. */
export interface GrantStore {
  read(): Promise<KeptGrant | null>;
  /** A number that stands for the right to renew these tokens; null while another has it, or has renewed them. */
  claim(grant: KeptGrant): Promise<number | null>;
  /** Stores renewed tokens, which end the claim. False when it is no longer held. */
  renew(claim: number, grant: KeptGrant, tokens: OAuthTokens): Promise<boolean>;
  /** Gives the claim up: nothing was renewed, and while the token holds it is not tried again at once. */
  release(claim: number): Promise<void>;
  /** The authorization server stands by it no more: somebody has to connect again. */
  end(grant: KeptGrant, reason: EndReason): Promise<void>;
  /** Notes what the server wants besides, which only somebody who connects again can get. */
  want(scope: string): Promise<void>;
}
