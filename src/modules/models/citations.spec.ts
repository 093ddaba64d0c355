import { describe, expect, it } from '@jest/globals';
import type { Quote } from '../../contracts/passage.js';
import { citationsOf, citedSlice } from './citations.js';

const quote = (chunkId: string): Quote => ({ documentId: 'd', chunkId, title: 't', quote: 'q', start: 0, end: 1 });

describe('citationsOf', () => {
  it('tells which piece of the answer each supports, without the space around it', () => {
    const texts = [
      { text: 'So it is 😀:' },
      { text: '\n\nFive days. ', citations: [quote('a'), quote('b')] },
      { text: 'Or' },
      { text: ' more.', citations: [quote('c')] },
      { text: ' \n', citations: [quote('d')] },
    ];
    const answer = texts.map(({ text }) => text).join('');
    const pieces = citationsOf(texts).map(({ chunkId, answerStart, answerEnd }) => [
      chunkId,
      answer.slice(answerStart, answerEnd),
    ]);
    expect(pieces).toEqual([
      ['a', 'Five days.'],
      ['b', 'Five days.'],
      ['c', 'more.'],
    ]);
  });

  it('is of part of an answer too', () => {
    const texts = [{ text: 'See: {"a":' }, { text: '"five days"', citations: [quote('a')] }, { text: '} so.' }];
    expect(citedSlice(texts, 5, 22)).toEqual([
      { text: '{"a":' },
      { text: '"five days"', citations: [quote('a')] },
      { text: '}' },
    ]);
  });
});
