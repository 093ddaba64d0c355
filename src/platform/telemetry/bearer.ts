import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether the header carries `token` as bearer; takes the same time wherever the two differ. */
export function bearerIs(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
