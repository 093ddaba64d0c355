import { describe, expect, it } from '@jest/globals';
import { estimateTokens, firstTokens, lastTokens, tokensOfBytes } from './token-estimate.js';

describe('estimateTokens', () => {
  it.each([
    ['', 0],
    ['  \n', 1],
    ['a', 1],
    ['word', 1],
    ['words', 2],
    ['one, two', 3],
    ['日本語', 3],
    ['한국어', 3],
    ['ภาษาไทย', 7],
    ['Привет', 4],
    ['naïve café', 4],
    ['👍👍', 3],
  ])('of %p', (text, expected) => {
    expect(estimateTokens(text)).toBe(expected);
    expect(tokensOfBytes(Buffer.byteLength(text))).toBe(expected);
  });

  it('gives English prose the tokens a word that current models take, or a few more', () => {
    const prose = 'The delivery note of the third of May lists nine crates, two of which never came to the warehouse.';
    expect(estimateTokens(prose) / prose.split(' ').length).toBeCloseTo(1.8, 0);
    expect(estimateTokens(prose) / prose.split(' ').length).toBeGreaterThan(1.7);
  });
});

describe('The ends of a text', () => {
  it.each(['plain words all along', '交货单列出九个箱子', 'Привет, мир', '👍👍👍👍', 'words first 然后是中文', ''])(
    'of %p take about so many tokens, and no more than it has',
    (text) => {
      for (let tokens = 0; tokens <= estimateTokens(text) + 1; tokens++) {
        const [first, last] = [firstTokens(text, tokens), lastTokens(text, tokens)];
        expect(text.startsWith(first)).toBe(true);
        expect(text.endsWith(last)).toBe(true);
        expect(first.isWellFormed() && last.isWellFormed()).toBe(true);
        expect(estimateTokens(first)).toBeLessThanOrEqual(tokens);
        expect(estimateTokens(last)).toBeLessThanOrEqual(tokens + 1);
        expect(estimateTokens(first)).toBeGreaterThanOrEqual(Math.min(tokens, estimateTokens(text)) - 1);
        expect(estimateTokens(last)).toBeGreaterThanOrEqual(Math.min(tokens, estimateTokens(text)) - 1);
      }
    },
  );
});
