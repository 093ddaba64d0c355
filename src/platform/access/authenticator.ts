import type { TenantActor } from './actor.js';

export interface Authenticated {
  actor: TenantActor;
  /** The tenant's plan, which decides the class of its rate limits. */
  plan: 'standard' | 'premium';
  /** When the credential ends by itself; null for one that does not. */
  expiresAt: Date | null;
}

export interface AuthenticateOptions {
  /** For what went on since it was good: an access token that has expired counts as long as its login does. */
  evenExpired?: boolean;
}

/** Tells who a credential (access token or API key) is, asking the database each time: what was revoked counts now. */
export abstract class Authenticator {
  /** Null for a credential that is unknown, expired, revoked, or whose user or tenant may no longer act. */
  abstract authenticate(credential: string, options?: AuthenticateOptions): Promise<Authenticated | null>;
}
