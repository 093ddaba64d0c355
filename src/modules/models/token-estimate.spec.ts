import { describe, expect, it } from '@jest/globals';
import { estimateTokens } from './token-estimate.js';

describe('estimateTokens', () => {
  it.each([
    ['', 0],
    ['  \n', 0],
    ['word', 1],
    ['words', 2],
    ['one, two', 3],
    ['日本語', 3],
    ['naïve café', 3],
    ['👍👍', 2],
  ])('of %p', (text, expected) => {
    expect(estimateTokens(text)).toBe(expected);
  });
});
