import { describe, expect, it } from '@jest/globals';
import { citablePieces, trimmedPiece } from './citable-pieces.js';

const piecesOf = (text: string) => citablePieces(text).map(({ start, end }) => text.slice(start, end));

describe('citablePieces', () => {
  it.each<[string, string[]]>([
    ['The first sentence stands. The second one follows!', ['The first sentence stands. ', 'The second one follows!']],
    [
      '"Is it so?" he asked them. “It is so.” she said to him.',
      ['"Is it so?" he asked them. ', '“It is so.” she said to him.'],
    ],
    [
      '# Leave of absence\n\nFive days may be carried over.\n',
      ['# Leave of absence\n\n', 'Five days may be carried over.\n'],
    ],
    [
      'Dr. Ada Lovelace wrote it. No. 5 was the last of them.',
      ['Dr. Ada Lovelace wrote it. ', 'No. 5 was the last of them.'],
    ],
    ['年次有給休暇は二十日です。繰り越しは五日まで。', ['年次有給休暇は二十日です。', '繰り越しは五日まで。']],
    ['  \n A text 😀 of one piece \n', ['  \n A text 😀 of one piece \n']],
    ['short', ['short']],
    ['It costs 3.50 euros, e.g. in all. Yes.', ['It costs 3.50 euros, e.g. in all. Yes.']],
    ['Leave\n\nfive days\nin all.\n- Ask first', ['Leave\n\n', 'five days\nin all.\n', '- Ask first']],
  ])('cuts %j into sentences that are the whole text', (text, pieces) => {
    expect(piecesOf(text)).toEqual(pieces);
    expect(pieces.join('')).toBe(text);
  });

  it.each(['', ' \n\t '])('finds none in %j', (text) => {
    expect(citablePieces(text)).toEqual([]);
  });

  it.each(['.', '. ', '"', '.)', '\n', '。', ' ', '.\n', '\n ', ' \n', '\n\n '])(
    'is through with a long row of %j',
    (sign) => {
      const text = `Begin ${sign.repeat(200_000)} end`;
      expect(piecesOf(text).join('')).toBe(text);
    },
  );

  it('leaves off the space around a piece', () => {
    expect(trimmedPiece(' a b \n', { start: 0, end: 6 })).toEqual({ start: 1, end: 4 });
    expect(trimmedPiece('x   y', { start: 1, end: 4 })).toEqual({ start: 4, end: 4 });
  });
});
