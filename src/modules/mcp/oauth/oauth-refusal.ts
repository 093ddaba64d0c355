import { OAuthError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { DomainError } from '../../../contracts/errors.js';

/** Why a flow can not go on, in words of ours: what the other side said may hold what it was sent. */
export class OAuthRefusal extends Error {
  override name = 'OAuthRefusal';

  constructor(
    message: string,
    /** As RFC 6749 names it, where the authorization server gave one that it knows. */
    readonly code: string | null = null,
  ) {
    super(message);
  }
}

/** What was thrown while something was asked of the other side, without its words. */
export function refusalOf(error: unknown, doing: string): OAuthRefusal | DomainError {
  // The guarded client's own: they name no more than where they were to go.
  if (error instanceof DomainError || error instanceof OAuthRefusal) return error;
  if (error instanceof OAuthError)
    return new OAuthRefusal(`${doing} was refused (${error.errorCode})`, error.errorCode);
  return new OAuthRefusal(`${doing} failed`);
}
