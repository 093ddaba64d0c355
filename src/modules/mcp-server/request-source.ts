import { isIP } from 'node:net';
import { AccessDenied } from '../../contracts/errors.js';

export interface SourceRules {
  /** Where we are reached, as the operator says. */
  publicUrl: string;
  /** Of front ends elsewhere. */
  corsOrigins: readonly string[];
  /** What we listen on. */
  host: string;
}

/** Names that the public DNS has not: of hosts on this network, of clusters and of containers. */
const PRIVATE_NAME = /^[^.]+$|\.(local|internal|svc)$/;

/**
 * That a page elsewhere does not use a visitor's browser to reach us. Such a page can have its own name lead to our
 * address, so that both headers agree: a name counts when the operator has said it, or when nobody could have made it up.
 * @throws AccessDenied
 */
export function assertKnownSource(headers: { host?: string; origin?: string }, rules: SourceRules): void {
  const host = urlOf(`http://${headers.host ?? ''}`);
  if (!host) throw new AccessDenied('The header Host names no host');
  if (!isLoopback(host.hostname) && host.hostname !== urlOf(rules.publicUrl)?.hostname) {
    const isNear = isAddress(host.hostname) || PRIVATE_NAME.test(host.hostname);
    if (isLoopback(rules.host) || !isNear)
      throw new AccessDenied('The header Host names another host than PUBLIC_URL does');
  }
  if (headers.origin === undefined) return;
  const origin = urlOf(headers.origin);
  const isAllowed = [rules.publicUrl, ...rules.corsOrigins].some((url) => urlOf(url)?.origin === origin?.origin);
  const isOurOwn = origin?.host === host.host && (isLoopback(host.hostname) || isAddress(host.hostname));
  if (!origin || origin.origin === 'null' || !(isAllowed || isOurOwn))
    throw new AccessDenied('Pages of this origin may not ask here', { details: { origin: headers.origin } });
}

function urlOf(text: string): URL | null {
  return URL.parse(text);
}

function isLoopback(host: string): boolean {
  const name = bare(host);
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d+){3}$/.test(name);
}

function isAddress(host: string): boolean {
  return isIP(bare(host)) !== 0;
}

/** URLs have an IPv6 address in brackets. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}
