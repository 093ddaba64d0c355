import { describe, expect, it } from '@jest/globals';
import { matchesWildcard } from './wildcard.js';

describe('matchesWildcard', () => {
  it.each([
    ['*', ''],
    ['*', 'anything:at all'],
    ['calculator:*', 'calculator:add'],
    ['calculator:*', 'calculator:'],
    ['filesystem:read*', 'filesystem:readFile'],
    ['*:delete*', 'files:delete_all'],
    ['a*b*c', 'a-b-b-c'],
    ['**a', 'bca'],
    ['exact', 'exact'],
    ['', ''],
    ['a.c', 'a.c'],
    ['*\n*', 'a\nb'],
  ])('%p stands for %p', (pattern, text) => {
    expect(matchesWildcard(pattern, text)).toBe(true);
  });

  it.each([
    ['', 'a'],
    ['calculator:*', 'calculators:add'],
    ['calculator:*', 'Calculator:add'],
    ['a.c', 'abc'],
    ['a*b', 'a*bc'],
    ['*a', 'ab'],
    ['exact', 'exact '],
    ['docs/*', '/docs/a'],
    ['[a-z]', 'a'],
  ])('%p does not stand for %p', (pattern, text) => {
    expect(matchesWildcard(pattern, text)).toBe(false);
  });

  it('gets through what makes backtracking explode', () => {
    expect(matchesWildcard(`${'*a'.repeat(50)}b`, 'a'.repeat(5_000))).toBe(false);
  });
});
