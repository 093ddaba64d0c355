import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { instanceOf } from './offline-instance.js';

const WORDS = '6 × 7 = 42. Use the large one.';

describe('instanceOf', () => {
  it.each<[unknown, Record<string, unknown>]>([
    [WORDS, {}],
    [WORDS, { type: 'string' }],
    ['6 × 7', { type: 'string', maxLength: 5 }],
    [`${WORDS}......`, { type: 'string', minLength: 36 }],
    ['nobody@example.com', { type: 'string', format: 'email' }],
    [42, { type: 'integer' }],
    [42, { minimum: 1 }],
    [10, { type: 'number', maximum: 10, minimum: 5, multipleOf: 2.5, exclusiveMinimum: 7.5 }],
    [0, { type: 'integer', maximum: 10 }],
    [0.5, { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }],
    [false, { type: 'boolean' }],
    [null, { type: 'null' }],
    [WORDS, { type: ['null', 'string'] }],
    ['large', { enum: ['small', 'large'] }],
    [3, { enum: [3, 4] }],
    [{ a: null }, { const: { a: null } }],
    ['by default', { type: 'string', default: 'by default' }],
    [[], { type: 'array', items: { type: 'string' } }],
    [
      [42, false, false],
      { type: 'array', prefixItems: [{ type: 'integer' }], items: { type: 'boolean' }, minItems: 3 },
    ],
    [
      { a: 42, other: WORDS },
      { type: 'object', properties: { a: { type: 'integer' }, b: {} }, required: ['a', 'other'] },
    ],
    [{ a: 42 }, { type: 'object', properties: { a: { type: 'integer' } } }],
    [{ toString: WORDS, constructor: WORDS }, { required: ['toString', 'constructor'] }],
    [
      { a: 42, b: WORDS },
      {
        allOf: [
          { properties: { a: { $ref: '#/$defs/a~1%25' } }, required: ['a'] },
          { properties: { b: { type: 'string' } }, required: ['b'] },
        ],
        $defs: { 'a/%': { type: 'integer' } },
      },
    ],
    [
      { next: { next: { next: null } } },
      { type: 'object', properties: { next: { anyOf: [{ type: 'null' }, { $ref: '#' }] } }, required: ['next'] },
    ],
  ])('is %j', (instance, schema) => {
    const made = instanceOf(schema, WORDS);
    expect(made).toEqual(instance);
    expect(new Ajv2020({ strict: false, validateFormats: false }).validate(schema, made)).toBe(true);
  });

  it.each([
    { $ref: '#' },
    { $ref: 'https://example.com/schema' },
    { $ref: '#/nowhere/at/all%' },
    { not: {} },
    { enum: [] },
    { type: 'object', required: ['a', 'b'], properties: { a: { $ref: '#' }, b: { $ref: '#' } } },
    { allOf: [{ $ref: '#' }, { $ref: '#' }] },
    { type: 'array', minItems: 1e9, items: { $ref: '#' } },
    { type: 'string', minLength: 1e9 },
  ])('comes to an end for %j', (schema) => {
    expect(JSON.stringify(instanceOf(schema, 'x'.repeat(1_000_000))).length).toBeLessThan(3_000_000);
  });
});
