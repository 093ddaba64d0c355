import { describe, expect, it } from '@jest/globals';
import { jsonIn } from './json-in-text.js';

describe('jsonIn', () => {
  it.each([
    ['{"a":1}', ['{"a":1}']],
    [' \n[1, 2]\n', ['[1, 2]']],
    ['"text"', ['"text"']],
    ['-1.50', ['-1.50']],
    ['null', ['null']],
    ['```json\n{"a": 1}\n```', ['{"a": 1}']],
    ['```\n42\n```', ['42']],
    ['```{"a":1}```', ['{"a":1}']],
    ['Here it is:\n```json\n{"a":1}\n```\nI hope it helps {or not}.', ['{"a":1}']],
    ['```json\n{"a":1}\n```\nor\n```json\n{"a":2}\n```', ['{"a":1}', '{"a":2}']],
    ['```js\nlet x = {};\n```\n{"a":"```"}', ['{}', '{"a":"```"}']],
    ['{"a":"```"}', ['{"a":"```"}']],
    ['The answer is {"a":[1,{"b":"}"}]}, as asked.', ['{"a":[1,{"b":"}"}]}']],
    ['As [1] says: {"a":"\\"}"} and "{b}"', ['[1]', '{"a":"\\"}"}']],
    ['A "quote and {"a":1}', ['{"a":1}']],
    ['Use {braces} like {"a":1}', ['{"a":1}']],
  ])('finds it in %j', (text, values) => {
    expect(jsonIn(text)).toEqual(values);
  });

  it.each([
    '',
    'No.',
    "{'a': 1}",
    '{"a": 1,}',
    '{"items": [{"a": 1}, {"a": 2}',
    '```json\n{"items": [{"a": 1}',
    'The answer is 42.',
  ])('finds none in %j', (text) => {
    expect(jsonIn(text)).toEqual([]);
  });

  it('takes no longer for what never ends', () => {
    expect(jsonIn('['.repeat(1_000_000))).toEqual([]);
    expect(jsonIn(`{${'"\\"'.repeat(1_000_000)}`)).toEqual([]);
  });
});
