import { ValidationFailed } from '../../contracts/errors.js';

export const TLS_MODES = ['prefer', 'disable', 'require', 'verify-full'] as const;

export interface DatabaseUrl {
  /** As a URL of HTTP would have it: an IPv4 address in its one form, IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: (typeof TLS_MODES)[number];
}

/** @throws ValidationFailed on `url`, without repeating it: it holds a password */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const url = URL.parse(text);
  if (!url) throw fault('must be a URL');
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') throw fault('must begin with postgres://');
  // The host of a scheme that is not the Web's is left as it was written.
  const host = URL.parse(`http://${url.hostname}`)?.hostname ?? '';
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decoded);
  if (host === '' || url.hash !== '') throw fault('must name a host');
  if (!user) throw fault('must name a user');
  if (!database) throw fault('must name a database');
  const { sslmode = 'prefer', ...others } = Object.fromEntries(url.searchParams);
  if (Object.keys(others).length > 0) throw fault('takes no parameter but sslmode');
  const tls = TLS_MODES.find((mode) => mode === sslmode);
  if (!tls) throw fault(`must have an sslmode of ${TLS_MODES.join(', ')}`);
  return { host, port: Number(url.port || 5432), user, password: password ?? '', database, tls };
}

function decoded(part: string): string {
  try {
    const text = decodeURIComponent(part);
    if (!text.includes('\0')) return text;
  } catch {
    // What can not be decoded is told below.
  }
  throw fault('has a part that is not encoded as in URLs');
}

function fault(message: string): ValidationFailed {
  return ValidationFailed.of('url', `url ${message}`);
}
