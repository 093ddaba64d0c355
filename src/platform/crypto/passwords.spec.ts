import { describe, expect, it } from '@jest/globals';
import { parseOptions } from '@node-rs/argon2';
import { COST, hashPassword, NOBODYS_HASH, passwordMatches } from './passwords.js';

describe('passwords', () => {
  it('match their own hash and no other password', async () => {
    const hash = await hashPassword('correct horse');
    expect(await passwordMatches('correct horse', hash)).toBe(true);
    expect(await passwordMatches('correct horses', hash)).toBe(false);
    expect(await passwordMatches('', hash)).toBe(false);
  });

  it('are hashed with argon2id, the declared cost and a salt of their own', async () => {
    const [one, other] = await Promise.all([hashPassword('same'), hashPassword('same')]);
    expect(one).toMatch(/^\$argon2id\$/);
    expect(parseOptions(one)).toMatchObject(COST);
    expect(one).not.toBe(other);
  });

  it('never match where there is no hash', async () => {
    expect(await passwordMatches('anything', null)).toBe(false);
  });

  it('cost as much to refuse for nobody as for a user', () => {
    expect(NOBODYS_HASH).toMatch(/^\$argon2id\$/);
    expect(parseOptions(NOBODYS_HASH)).toMatchObject(COST);
  });
});
