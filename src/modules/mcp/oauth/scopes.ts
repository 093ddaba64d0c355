import type { AuthorizationServer } from './authorization-server.js';

const OFFLINE = 'offline_access';

export function scopesIn(text: string | null | undefined): string[] {
  return (text ?? '').split(' ').filter((scope) => scope !== '');
}

/**
 * What to ask for: what the server wanted when it was asked without, else all it has, and what was asked for before.
 * Undefined leaves it to the authorization server.
 */
export function scopeToAsk(
  { metadata, resourceScopes }: AuthorizationServer,
  wanted: string | undefined,
  before: string | null,
): string | undefined {
  const first = scopesIn(wanted);
  const scopes = new Set([...(first.length > 0 ? first : resourceScopes), ...scopesIn(before)]);
  if (scopes.size === 0) return undefined;
  // Without it, those who have such a scope give no refresh token; others may refuse a scope that they don't know.
  if (metadata?.scopes_supported?.includes(OFFLINE)) scopes.add(OFFLINE);
  return [...scopes].join(' ');
}
