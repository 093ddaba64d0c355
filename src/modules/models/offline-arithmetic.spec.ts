import { describe, expect, it } from '@jest/globals';
import { findExpressions, formatExpression } from './offline-arithmetic.js';

const found = (text: string) => findExpressions(text).map((expression) => formatExpression(expression));

describe('findExpressions', () => {
  it.each([
    ['What is 12.5 * 4?', ['12.5 × 4']],
    ["what's 7 x 8", ['7 × 8']],
    ['add 2 and 3', ['2 + 3']],
    ['Please subtract 4 from 10.', ['10 - 4']],
    ['multiply 3 by 5', ['3 × 5']],
    ['divide 1 by 0', ['1 ÷ 0']],
    ['2 to the power of 10', ['2 ^ 10']],
    ['What is 3 squared?', ['3 ^ 2']],
    ['what is the sum of 2 and -3?', ['2 + -3']],
    ['What is 10 divided by 4 and 3 times 5?', ['10 ÷ 4', '3 × 5']],
    ['what is 2+3 and 4*5', ['2 + 3', '4 × 5']],
    ['Calculate 1,000,000 * 2.', ['1000000 × 2']],
    ['5-3', ['5 - 3']],
    ['1/3 =', ['1 ÷ 3']],
  ])('reads %p', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it.each([
    ['what is 2 + 3 * 4', '2 + (3 × 4)'],
    ['what is (2 + 3) * 4', '(2 + 3) × 4'],
    ['what is 8 - 3 - 2', '(8 - 3) - 2'],
    ['what is 2 ^ 3 ^ 2', '2 ^ (3 ^ 2)'],
    ['what is -2 * -3', '-2 × -3'],
  ])('binds %p as %p', (text, expected) => {
    expect(found(text)).toEqual([expected]);
  });

  it.each([
    'We met 3-4 times in 2024-01-02.',
    'What happened on 2024-01-02?',
    'What is on 1/2/2024 at 10:30?',
    'What is claude-opus-5-5?',
    'What is the price of 5 apples?',
    'My number is 555-1234',
    'what is (2 + 3',
    'what is 2 + + ?',
    '',
  ])('leaves %p alone', (text) => {
    expect(found(text)).toEqual([]);
  });
});
