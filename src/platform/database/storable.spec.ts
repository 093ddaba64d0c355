import { describe, expect, it } from '@jest/globals';
import { storableJson, storableText } from './storable.js';

describe('storableText', () => {
  it('drops NUL and replaces half characters, and leaves whole ones alone', () => {
    expect(storableText('a\u0000b')).toBe('ab');
    expect(storableText('\ud83d-\ude00')).toBe('\ufffd-\ufffd');
    expect(storableText('😀 é 漢')).toBe('😀 é 漢');
  });
});

describe('storableJson', () => {
  it('orders names as jsonb does: by length in bytes, then by bytes', () => {
    const value = { timezone: 1, b: { yy: 1, x: 2 }, a: [{ zz: 1, z: 2 }], é: 3, B: 4, ccc: 5 };
    expect(JSON.stringify(storableJson(value))).toBe(
      '{"B":4,"a":[{"z":2,"zz":1}],"b":{"x":2,"yy":1},"é":3,"ccc":5,"timezone":1}',
    );
  });

  it('makes texts and names storable at any depth', () => {
    expect(storableJson({ 'a\u0000': ['x\u0000', { b: '\udc00' }] })).toEqual({ a: ['x', { b: '\ufffd' }] });
  });

  it('keeps a name that is special to JavaScript as a name', () => {
    const value = storableJson(JSON.parse('{"__proto__": {"a": 1}}'));
    expect(JSON.stringify(value)).toBe('{"__proto__":{"a":1}}');
  });

  it('cuts off what is nested too deeply, however deep', () => {
    const deep: unknown = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000));
    const kept = JSON.stringify(storableJson(deep));
    expect(kept).toBe(`${'['.repeat(64)}null${']'.repeat(64)}`);
  });
});
