import { describe, expect, it } from '@jest/globals';
import { eachWord } from './words.js';

function wordsOf(text: string): string[] {
  const words: string[] = [];
  eachWord(text, (word) => words.push(word));
  return words;
}

describe('eachWord', () => {
  it.each([
    ['Plain Words, all along.', ['plain', 'words', 'all', 'along']],
    ['IL-6 and TNF-alpha', ['il', '6', 'il6', 'and', 'tnf', 'alpha', 'tnfalpha']],
    ['a state-of-the-art thing', ['a', 'state', 'of', 'the', 'art', 'thing']],
    ['max_scan', ['max', 'scan', 'maxscan']],
    ['see example.com/docs', ['see', 'example', 'com', 'docs']],
    ['1,000 of 3.5 and 1,2', ['1000', 'of', '3.5', 'and', '1', '2']],
    ["don’t, don't", ["don't", "don't"]],
    ['ﬁve ½ x²', ['five', '1', '2', 'x2']],
    ['Cafe\u0301', ['café']],
    ['猫が好き', ['猫', 'が', '猫が', '好', 'が好', 'き', '好き']],
    ['iPhone手机', ['iphone', '手', '机', '手机']],
    ['한국', ['한', '국', '한국']],
    ['مُحَمَّد', ['محمد']],
    ['Привет, мир', ['привет', 'мир']],
    ['ok 🎉👍', ['ok', '🎉', '👍']],
  ])('of %p', (text, expected) => {
    expect(wordsOf(text)).toEqual(expected);
  });

  it.each(['', '  \n\t', '...---...', "'''", '\0\x01', '\uD800', '\u0301'.repeat(1_000), '\u202E\u200B'])(
    'finds none in %j',
    (text) => {
      expect(wordsOf(text)).toEqual([]);
    },
  );

  it('cuts what is long, and no character in two', () => {
    expect(wordsOf('a'.repeat(1_000_000))).toEqual(['a'.repeat(64)]);
    expect(wordsOf(`a${'𝒳𐐷'.repeat(100_000)}`).every((word) => word.length <= 64 && word.isWellFormed())).toBe(true);
    expect(wordsOf(`x${'\u0301'.repeat(1_000_000)}`)).toHaveLength(1);
  });

  it('gives nothing that can not be stored', () => {
    const text = 'one\uD800two\0three\uDC00 four\uFFFF';
    expect(wordsOf(text)).toEqual(['one', 'two', 'three', 'four']);
  });

  it.each(['a-', "a'", 'a.', 'a,', '1,', '-', '.', '猫', '🎉'])('reads half a megabyte of %p', (piece) => {
    expect(wordsOf(piece.repeat(500_000 / piece.length)).length).toBeLessThanOrEqual(1_000_000);
  });
});
