import { createHash, randomBytes } from 'node:crypto';

const MARK = 'sk-';
const PREFIX_CHARS = 10;

/** What a new key is; only its hash and prefix are kept. */
export function makeApiKey(): { key: string; keyHash: string; prefix: string } {
  const key = `${MARK}${randomBytes(32).toString('base64url')}`;
  return { key, keyHash: hashApiKey(key), prefix: key.slice(0, PREFIX_CHARS) };
}

export function isApiKey(credential: string): boolean {
  return credential.startsWith(MARK);
}

/** SHA-256 in hex: of 256 random bits there is nothing to guess, so a slow hash would gain nothing. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
