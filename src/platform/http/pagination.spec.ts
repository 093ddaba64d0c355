import { describe, expect, it } from '@jest/globals';
import { Settings } from '../config/settings.js';
import { Cursors } from './pagination.js';

const ID = '01900000-0000-7000-8000-00000000000a';
const OTHER_ID = '01900000-0000-7000-8000-00000000000b';

function cursors(...secrets: string[]): Cursors {
  return new Cursors(Object.assign(new Settings(), { secrets: { jwt: secrets, encryption: [] } }));
}

const rows = [
  { id: ID, at: '2026-11-21 01:02:03.456789+00' },
  { id: OTHER_ID, at: '2026-11-20 01:02:03.456788+00' },
];

describe('A page', () => {
  it('without a row beyond its limit is the last', () => {
    expect(cursors('a').page(rows, 2, ({ id }) => id)).toEqual({ data: [ID, OTHER_ID], nextCursor: null });
  });

  it('ends with a cursor that gives the values of its last row back, as exact as they were', () => {
    const { data, nextCursor } = cursors('a').page(
      rows,
      1,
      ({ id }) => id,
      ({ at, id }) => [at, id],
    );
    expect(data).toEqual([ID]);
    expect(cursors('a').decode(nextCursor ?? '', 2)).toEqual(['2026-11-21 01:02:03.456789+00', ID]);
  });
});

describe('A cursor', () => {
  const made = (secret: string) => cursors(secret).page(rows, 1, (row) => row).nextCursor ?? '';

  it('that is absent means the first page', () => {
    expect(cursors('a').id(undefined)).toBeNull();
    expect(cursors('a').decode(undefined, 2)).toEqual([]);
  });

  it('survives the rotation of the secret, not its removal', () => {
    expect(cursors('new', 'old').id(made('old'))).toBe(ID);
    expect(() => cursors('new').id(made('old'))).toThrow('not valid');
  });

  it('of another order is refused', () => {
    expect(() => cursors('a').decode(made('a'), 2)).toThrow('another list');
  });

  it('changed in any character is refused', () => {
    const cursor = made('a');
    for (let position = 0; position < cursor.length; position++) {
      const other = cursor[position] === 'A' ? 'B' : 'A';
      const changed = cursor.slice(0, position) + other + cursor.slice(position + 1);
      expect(() => cursors('a').id(changed)).toThrow('not valid');
    }
  });
});
