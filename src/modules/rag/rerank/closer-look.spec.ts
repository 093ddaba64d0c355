import { describe, expect, it } from '@jest/globals';
import { closerLook } from './closer-look.js';

const query = { terms: ['annual', 'leave', 'policy'], rarity: (term: string) => (term === 'policy' ? 1 : 2) };
const look = (terms: string, above = '') =>
  closerLook(query, { terms: terms.split(' '), above: above === '' ? [] : above.split(' ') });

describe('A closer look', () => {
  it('goes from nothing to all words in their order, in title and text', () => {
    expect(look('bread and butter')).toBe(0);
    expect(look('annual leave policy', 'annual leave policy')).toBe(1);
  });

  it.each([
    ['more words', 'annual x leave', 'annual x y'],
    ['rarer words', 'x annual', 'x policy'],
    ['nearer words', 'annual x leave', 'annual x x x x x x leave'],
    ['the order of the query', 'annual leave', 'leave annual'],
  ])('prefers %s', (_what, better, worse) => {
    expect(look(better)).toBeGreaterThan(look(worse));
  });

  it('prefers words in title and headings', () => {
    expect(look('annual policy', 'leave')).toBeGreaterThan(look('annual policy leave'));
  });

  it('knows one word from none, and is no number beyond 0 to 1', () => {
    const one = { terms: ['leave', 'leave'], rarity: () => 0.5 };
    expect(closerLook(one, { above: ['leave'], terms: [] })).toBe(1);
    expect(closerLook(one, { above: [], terms: ['leave', 'leave'] })).toBe(0.5);
    expect(closerLook({ terms: [], rarity: () => 0 }, { above: [], terms: ['a'] })).toBe(0);
    expect(closerLook({ ...one, rarity: () => 0 }, { above: [], terms: ['leave'] })).toBe(0);
  });
});
