import { describe, expect, it } from '@jest/globals';
import { textFault } from './text-faults.js';

const nested = (levels: number): unknown => {
  let value: unknown = 'leaf';
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { a: value };
  return value;
};

describe('Faults of texts', () => {
  it.each([
    [{ name: 'ünïcödé 🎉 \u{10FFFF} \uFFFD \t\n\u0001' }],
    [null],
    [undefined],
    ['text'],
    [{ constructor: { prototype: 1 } }],
    [nested(64)],
  ])('are not found in %j', (value) => {
    expect(textFault(value, 'body')).toBeNull();
  });

  it.each([
    [{ items: [{}, { name: 'a\0' }] }, 'items[1].name'],
    [{ a: { b: 'x\uD83D' } }, 'a.b'],
    [{ a: '\uDC00' }, 'a'],
    [[['ok', '\0']], '[0][1]'],
    ['\0', 'body'],
    [JSON.parse('{"a":{"__proto__":1}}'), 'a.__proto__'],
    [nested(65), 'body'],
  ])('are found in %j at %s', (value, field) => {
    expect(textFault(value, 'body')).toMatchObject({ field, message: expect.stringContaining(field) });
  });

  it('in names are shown without what made them faults', () => {
    expect(textFault({ ['bad\0\uD800']: 1 }, 'query')).toMatchObject({ field: 'bad\uFFFD\uFFFD' });
  });
});
