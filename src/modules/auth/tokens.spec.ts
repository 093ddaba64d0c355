import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { JwtService } from '@nestjs/jwt';
import { v7 } from 'uuid';
import type { Settings } from '../../platform/config/settings.js';
import { keyId, Tokens } from './tokens.js';

const KEY = 'k'.repeat(32);
const OLD_KEY = 'o'.repeat(32);

function tokensWith(...jwt: string[]): Tokens {
  return new Tokens({ secrets: { jwt, encryption: [] } } as unknown as Settings, new JwtService({}));
}

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as an attacker would put it together, by default one that is in order. */
function forge(
  change: { header?: object; payload?: object; key?: string; signature?: string; algorithm?: string } = {},
): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'HS256', typ: 'JWT', ...change.header };
  const payload = {
    iss: 'atrium',
    aud: 'atrium-api',
    sub: v7(),
    tid: v7(),
    sid: v7(),
    jti: v7(),
    iat: now,
    exp: now + 60,
    ...change.payload,
  };
  const body = `${base64(header)}.${base64(payload)}`;
  const signed = createHmac(change.algorithm ?? 'sha256', change.key ?? KEY)
    .update(body)
    .digest('base64url');
  return `${body}.${change.signature ?? signed}`;
}

describe('access tokens', () => {
  const tokens = tokensWith(KEY);
  const claims = { userId: v7(), tenantId: v7(), tokenSessionId: v7() };

  it('come back with what they were signed for and their end in 15 minutes', () => {
    const read = tokens.readAccess(tokens.signAccess(claims));
    expect(read).toMatchObject(claims);
    expect(Math.round(((read?.expiresAt.getTime() ?? 0) - Date.now()) / 60_000)).toBe(15);
  });

  it('carry issuer, audience and an id of their own', () => {
    const payloads = [tokens.signAccess(claims), tokens.signAccess(claims)].map((token) =>
      new JwtService({}).decode(token),
    );
    expect(payloads[0]).toMatchObject({ iss: 'atrium', aud: 'atrium-api', sub: claims.userId });
    expect(payloads[0].jti).not.toBe(payloads[1].jti);
  });

  it('are read when put together rightly by hand, so that the refusals below mean something', () => {
    expect(tokens.readAccess(forge())).not.toBeNull();
  });

  it.each([
    ['without a signature (alg none)', forge({ header: { alg: 'none' }, signature: '' })],
    ['that name alg none but are signed', forge({ header: { alg: 'none' } })],
    ['of another algorithm of the same key', forge({ header: { alg: 'HS512' }, algorithm: 'sha512' })],
    ['of another key', forge({ key: 'x'.repeat(32) })],
    ['of another issuer', forge({ payload: { iss: 'somebody' } })],
    ['without an issuer', forge({ payload: { iss: undefined } })],
    ['of another audience', forge({ payload: { aud: 'atrium-refresh' } })],
    ['without an audience', forge({ payload: { aud: undefined } })],
    ['that have expired', forge({ payload: { exp: Math.floor(Date.now() / 1000) - 1 } })],
    ['without an end', forge({ payload: { exp: undefined } })],
    ['that begin later', forge({ payload: { nbf: Math.floor(Date.now() / 1000) + 60 } })],
    ['whose subject is no id', forge({ payload: { sub: "' OR 1=1" } })],
    ['without a token session', forge({ payload: { sid: undefined } })],
    ['that name a key that does not exist', forge({ header: { kid: 'ffffffffffffffff' } })],
    ['that are no tokens', 'abc'],
    ['that are empty', ''],
    [
      'whose payload is no JSON',
      `${base64({ alg: 'HS256', typ: 'JWT' })}.${Buffer.from('no').toString('base64url')}.x`,
    ],
    ['whose header is null', `${Buffer.from('null').toString('base64url')}.${base64({})}.x`],
    ['whose header is no JSON', `${Buffer.from('no').toString('base64url')}.${base64({})}.x`],
    ['whose payload is null', `${base64({ alg: 'HS256', typ: 'JWT' })}.${Buffer.from('null').toString('base64url')}.x`],
    ['whose key id is no text', forge({ header: { kid: { a: 1 } } })],
    ['with naughty headers', `${'💥'.repeat(10)}.${base64({})}.x`],
  ])('are refused %s', (_what, token) => {
    expect(tokens.readAccess(token)).toBeNull();
  });

  it('are not refresh tokens, nor the other way round', () => {
    expect(tokens.readRefresh(tokens.signAccess(claims))).toBeNull();
    expect(tokens.readAccess(tokens.signRefresh({ tokenSessionId: v7(), generation: 1 }))).toBeNull();
  });
});

describe('refresh tokens', () => {
  it('come back with their generation', () => {
    const tokens = tokensWith(KEY);
    const claims = { tokenSessionId: v7(), generation: 7 };
    expect(tokens.readRefresh(tokens.signRefresh(claims))).toEqual(claims);
  });
});

describe('key rotation', () => {
  const claims = { userId: v7(), tenantId: v7(), tokenSessionId: v7() };

  it('signs with the first key and still reads what the second has signed', () => {
    const rotated = tokensWith(KEY, OLD_KEY);
    expect(rotated.readAccess(tokensWith(OLD_KEY).signAccess(claims))).toMatchObject(claims);
    expect(tokensWith(KEY).readAccess(rotated.signAccess(claims))).toMatchObject(claims);
  });

  it('refuses what a key that was taken away has signed', () => {
    expect(tokensWith(KEY).readAccess(tokensWith(OLD_KEY).signAccess(claims))).toBeNull();
  });

  it('tries only the key a token names', () => {
    const rotated = tokensWith(KEY, OLD_KEY);
    expect(rotated.readAccess(forge({ header: { kid: keyId(OLD_KEY) }, key: KEY }))).toBeNull();
    expect(rotated.readAccess(forge({ header: { kid: keyId(OLD_KEY) }, key: OLD_KEY }))).not.toBeNull();
  });

  it('tries all keys for a token that names none', () => {
    expect(tokensWith(KEY, OLD_KEY).readAccess(forge({ key: OLD_KEY }))).not.toBeNull();
  });
});
