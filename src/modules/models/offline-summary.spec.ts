import { describe, expect, it } from '@jest/globals';
import { summaryOf } from './offline-summary.js';

describe('summaryOf', () => {
  it('is the first sentence of each paragraph, whoever said it', () => {
    const transcript =
      'User:\nI like tea. And cake.\n\nAssistant:\nNoted! I will remember.\n\nUser:\n我喜欢茶。还有蛋糕。';
    expect(summaryOf(transcript)).toBe('- I like tea.\n- Noted!\n- 我喜欢茶。还有蛋糕。');
  });

  it('keeps what an earlier summary says', () => {
    expect(summaryOf('Summary of what came before:\nThe user likes tea.\n\nUser:\nGood')).toBe(
      '- The user likes tea.\n- Good',
    );
  });

  it('is short, and of the newest, whatever it is given', () => {
    const transcript = Array.from({ length: 10_000 }, (_, n) => `User:\nSentence ${n}.`).join('\n\n');
    const summary = summaryOf(transcript);
    expect(summary.length).toBeLessThan(5_000);
    expect(summary.endsWith('- Sentence 9999.')).toBe(true);
    expect(summaryOf('x'.repeat(1_000_000)).length).toBeLessThan(1_000);
    expect(summaryOf('')).toBe('');
  });
});
