import { describe, expect, it } from '@jest/globals';
import { mergePatch } from './merge-patch.js';

type Json = Record<string, unknown>;

describe('mergePatch', () => {
  // The examples of RFC 7396, appendix A, that are of two objects.
  it.each<[Json, Json, Json]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: 'b' }, { a: { c: 1 } }, { a: { c: 1 } }],
  ])('merges %j and %j', (target, patch, merged) => {
    expect(mergePatch(target, patch)).toEqual(merged);
  });

  it('changes neither', () => {
    const target = { a: { b: 1 } };
    const patch = { a: { c: { d: null } } };
    mergePatch(target, patch);
    expect(target).toEqual({ a: { b: 1 } });
    expect(patch).toEqual({ a: { c: { d: null } } });
  });

  it('sets a name that is special to JavaScript as any other', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as Json);
    expect(JSON.stringify(merged)).toBe('{"__proto__":{"polluted":true},"constructor":1}');
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  });
});
