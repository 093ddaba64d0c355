import { describe, expect, it } from '@jest/globals';
import type { Passage } from '../../contracts/passage.js';
import { quoteOf, type CitationClaim } from './quotes.js';

function passage(chunkId: string, content: string): Passage {
  return { chunkId, documentId: `document of ${chunkId}`, title: `Title of ${chunkId}`, content };
}

const LEAVE =
  'Staff have 25 days of leave 😀😀. Up to five days may be\ncarried over. Ask first. Up to five days may be carried over.';
const passages = [passage('a', 'Nothing of the kind.'), passage('b', LEAVE)];

function found(quote: string, claim: Partial<CitationClaim> = {}) {
  const place = quoteOf({ chunkIds: ['b'], piece: null, ...claim, quote }, passages);
  if (place) {
    const { content } = passages.find(({ chunkId }) => chunkId === place.chunkId)!;
    expect(content.slice(place.start, place.end)).toBe(place.quote);
  }
  return place;
}

describe('quoteOf', () => {
  it('finds the words of a passage and whose they are', () => {
    expect(found('Staff have 25 days of leave 😀😀.')).toEqual({
      ...{ documentId: 'document of b', chunkId: 'b', title: 'Title of b' },
      ...{ quote: 'Staff have 25 days of leave 😀😀.', start: 0, end: 33 },
    });
  });

  it('counts in UTF-16 units', () => {
    expect(found('Ask first.')).toMatchObject({ start: LEAVE.indexOf('Ask'), quote: 'Ask first.' });
    expect(found('😀.')).toMatchObject({ start: 30, end: 33 });
  });

  it('finds no half of a character', () => {
    expect(found('\ude00.')).toBeNull();
    expect(found('leave \ud83d')).toBeNull();
  });

  it('takes the one of several that is meant', () => {
    const sentence = 'Up to five days may be carried over.';
    expect(found(sentence)).toMatchObject({ start: LEAVE.lastIndexOf(sentence) });
    const twice = [passage('c', 'It is so, they say. It is so, they say. It is so, they say.')];
    const starts = [0, 1, 2, 9].map(
      (piece) => quoteOf({ chunkIds: ['c'], quote: 'It is so, they say. ', piece }, twice)?.start,
    );
    expect(starts).toEqual([0, 20, 40, 0]);
  });

  it('takes white space for what it is', () => {
    expect(found('Up to five days\u00a0may be carried\n over.\tAsk first. ')).toMatchObject({
      quote: 'Up to five days may be\ncarried over. Ask first.',
    });
    expect(found('carried over.Ask first.Up to five')).toMatchObject({ quote: 'carried over. Ask first. Up to five' });
  });

  it('finds what stands in several sentences', () => {
    expect(found(LEAVE)).toMatchObject({ start: 0, end: LEAVE.length });
  });

  it.each(['Staff have 26 days of leave', 'staff have 25 days', '', '  ', 'Nothing of the kind.'])(
    'finds no %j, which does not stand there',
    (words) => {
      expect(found(words)).toBeNull();
    },
  );

  it('looks into what is named first, then into what is numbered so', () => {
    expect(found('Nothing of the kind.', { chunkIds: ['b', 'a'] })).toMatchObject({ chunkId: 'a' });
    expect(found('Nothing of the kind.', { chunkIds: [] })).toBeNull();
    expect(found('Nothing of the kind.', { chunkIds: ['unknown'] })).toBeNull();
    expect(found('Ask first.', { chunkIds: null })).toMatchObject({ chunkId: 'b' });
  });
});
