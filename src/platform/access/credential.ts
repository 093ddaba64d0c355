import type { IncomingHttpHeaders } from 'node:http';

/** The access token or API key of a request: `Authorization: Bearer …` or `X-API-Key: …`. */
export function credentialOf(headers: IncomingHttpHeaders): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '');
  if (bearer?.[1]) return bearer[1];
  const key = headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : null;
}
