import { describe, expect, it } from '@jest/globals';
import { fingerprint } from './request-fingerprint.js';

describe('The fingerprint of a request', () => {
  it('does not depend on the order of fields', () => {
    expect(fingerprint({ a: 1, b: { c: [1, 2], d: null } })).toBe(fingerprint({ b: { d: null, c: [1, 2] }, a: 1 }));
  });

  it.each([
    [{ a: 1 }, { a: '1' }],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: null }, {}],
    [{ a: [] }, { a: {} }],
    [{ a: 'b,c' }, { a: 'b', c: '' }],
    [
      ['a', 'bc'],
      ['ab', 'c'],
    ],
  ])('tells %j from %j', (one, other) => {
    expect(fingerprint(one)).not.toBe(fingerprint(other));
  });
});
