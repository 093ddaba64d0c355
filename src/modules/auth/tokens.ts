import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { isUUID } from 'class-validator';
import { v7 } from 'uuid';
import { Settings } from '../../platform/config/settings.js';

const ISSUER = 'atrium';
const ACCESS_AUDIENCE = 'atrium-api';
const REFRESH_AUDIENCE = 'atrium-refresh';
const ALGORITHM = 'HS256';

export const ACCESS_TOKEN_SECONDS = 15 * 60;
export const REFRESH_TOKEN_SECONDS = 30 * 24 * 60 * 60;

export interface AccessClaims {
  userId: string;
  tenantId: string;
  tokenSessionId: string;
}

export interface RefreshClaims {
  tokenSessionId: string;
  /** Only the row's own generation is alive; a lower one was used before. */
  generation: number;
}

interface Key {
  id: string;
  /** For signing, which the library does with texts alone. */
  secret: string;
  /** For reading: given a text, the library first tries it as a public key, at each token. */
  key: KeyObject;
}

/** Signs and reads our JSON Web Tokens. Reading takes nothing on trust: algorithm, issuer, audience, shape, expiry. */
@Injectable()
export class Tokens {
  private readonly keys: readonly Key[];

  constructor(
    settings: Settings,
    private readonly jwt: JwtService,
  ) {
    this.keys = settings.secrets.jwt.map((secret) => ({
      id: keyId(secret),
      secret,
      key: createSecretKey(secret, 'utf8'),
    }));
  }

  signAccess(claims: AccessClaims): string {
    const payload = { sub: claims.userId, tid: claims.tenantId, sid: claims.tokenSessionId };
    return this.sign(payload, ACCESS_AUDIENCE, ACCESS_TOKEN_SECONDS);
  }

  signRefresh(claims: RefreshClaims): string {
    return this.sign({ sid: claims.tokenSessionId, gen: claims.generation }, REFRESH_AUDIENCE, REFRESH_TOKEN_SECONDS);
  }

  /** Null for anything but an access token of ours, living unless `evenExpired`. */
  readAccess(token: string, evenExpired = false): (AccessClaims & { expiresAt: Date }) | null {
    const payload = this.read(token, ACCESS_AUDIENCE, evenExpired);
    if (!payload) return null;
    const { sub: userId, tid: tenantId, sid: tokenSessionId, exp } = payload;
    if (!isUUID(userId) || !isUUID(tenantId) || !isUUID(tokenSessionId)) return null;
    return { userId, tenantId, tokenSessionId, expiresAt: new Date(exp * 1000) } as AccessClaims & { expiresAt: Date };
  }

  /** Null for anything but a refresh token of ours that has not expired; whether it was used the row knows. */
  readRefresh(token: string): RefreshClaims | null {
    const payload = this.read(token, REFRESH_AUDIENCE);
    if (!payload) return null;
    const { sid: tokenSessionId, gen: generation } = payload;
    if (!isUUID(tokenSessionId) || !Number.isInteger(generation)) return null;
    return { tokenSessionId, generation } as RefreshClaims;
  }

  private sign(payload: object, audience: string, expiresIn: number): string {
    const [key] = this.keys;
    if (!key) throw new Error('There is no key to sign with');
    const { id: keyid, secret } = key;
    return this.jwt.sign(payload, {
      algorithm: ALGORITHM,
      issuer: ISSUER,
      audience,
      expiresIn,
      jwtid: v7(),
      keyid,
      secret,
    });
  }

  private read(
    token: string,
    audience: string,
    ignoreExpiration = false,
  ): (Record<string, unknown> & { exp: number }) | null {
    for (const { key } of this.keysFor(token)) {
      const payload = this.verified(token, { audience, key, ignoreExpiration });
      if (payload) return payload;
    }
    return null;
  }

  /** The one key the token names, so that a forged token costs one check; all where it names none. */
  private keysFor(token: string): readonly Key[] {
    const header = this.headerOf(token);
    if (!header) return [];
    return header.kid === undefined ? this.keys : this.keys.filter((key) => key.id === header.kid);
  }

  /** Nothing of it has been verified. */
  private headerOf(token: string): { kid?: unknown } | null {
    try {
      const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString());
      return typeof header === 'object' ? header : null;
    } catch {
      return null;
    }
  }

  private verified(
    token: string,
    { key, ...options }: { audience: string; key: KeyObject; ignoreExpiration: boolean },
  ): (Record<string, unknown> & { exp: number }) | null {
    try {
      const payload = this.jwt.verify<Record<string, unknown>>(token, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        ...options,
        // The library takes key objects, whatever the type of the option says.
        secret: key as unknown as string,
      });
      // The library takes a token without `exp` for one that never ends, and asks for no `jti`.
      return typeof payload['exp'] === 'number' && isUUID(payload['jti']) ? { ...payload, exp: payload['exp'] } : null;
    } catch {
      return null;
    }
  }
}

/** Tells keys apart without saying anything about them. */
export function keyId(secret: string): string {
  return createHmac('sha256', secret).update('key id').digest('hex').slice(0, 16);
}
