import { describe, expect, it } from '@jest/globals';
import { callBuiltin } from '../../../test/call-builtin.js';
import { CalculatorServer } from './calculator.server.js';

const calculator = new CalculatorServer();
type Operand = number | string;

async function output(tool: string, a: Operand, b: Operand): Promise<string> {
  const result = await callBuiltin(calculator, tool, { a, b });
  expect(result.isError).toBe(false);
  return result.output;
}

async function error(tool: string, a: Operand, b: Operand): Promise<string> {
  const result = await callBuiltin(calculator, tool, { a, b });
  expect(result.isError).toBe(true);
  return result.output;
}

describe('CalculatorServer', () => {
  it.each<[string, Operand, Operand, string]>([
    ['add', 0.1, 0.2, '0.3'],
    ['add', 1e21, 1, '1000000000000000000001'],
    ['add', '12345678901234567890', '98765432109876543210', '111111111011111111100'],
    ['add', '1e40', '1e-40', `1${'0'.repeat(40)}.${'0'.repeat(39)}1`],
    ['subtract', '1.10', 1, '0.1'],
    ['subtract', 1, 1, '0'],
    ['multiply', '99999999999999999999', '99999999999999999999', '9999999999999999999800000000000000000001'],
    ['multiply', '1'.repeat(50), '10', `${'1'.repeat(50)}0`],
    ['multiply', '1e9999', 10, '1e+10000'],
    ['divide', 1, 8, '0.125'],
    ['divide', '1', '1024e10', '0.00000000000009765625'],
    ['divide', '1'.repeat(60), 1, '1'.repeat(60)],
    ['divide', 1, 3, `0.${'3'.repeat(40)}`],
    ['divide', 2, 3, `0.${'6'.repeat(39)}7`],
    ['divide', 0, -5, '0'],
    ['power', 2, 10, '1024'],
    ['power', 2, 200, '1606938044258990275541962092341162602522202993782792835301376'],
    ['power', 0, 0, '1'],
    ['power', '1.5', 2, '2.25'],
    ['power', 10, -2, '0.01'],
    ['power', -2, 3, '-8'],
    ['power', 4, 0.5, '2'],
    ['power', 10, 500, '1e+500'],
    ['power', 2, 100_000, '9.990020930143845079440327643300335909804e+30102'],
  ])('%s %p and %p exactly', async (tool, a, b, expected) => {
    expect(await output(tool, a, b)).toBe(expected);
  });

  it.each<[string, Operand, Operand, RegExp]>([
    ['divide', 1, 0, /^Division by zero$/],
    ['divide', 0, '0.000', /^Division by zero$/],
    ['power', 0, -1, /^Division by zero$/],
    ['power', -8, 1.5, /negative number/],
    ['power', 2, 100_001, /exponent is too large/],
    ['power', 2, '-1e9', /exponent is too large/],
    ['add', '1e9999', '1e-9999', /has \d+ digits/],
  ])('says why it can not %s %p and %p', async (tool, a, b, expected) => {
    expect(await error(tool, a, b)).toMatch(expected);
  });
});
