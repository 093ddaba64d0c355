import { Decimal } from 'decimal.js';
import { textResult, type BuiltinTool, type ToolResult, type ToolServer } from './tool.js';

/** Digits of what has no end (`1 / 3`, roots) and of powers too long to write down; rounded half up. */
const ROUNDED_DIGITS = 40;
/** Exact results are given in full up to here. */
const MOST_DIGITS = 1_000;
const LONGEST_NUMBER = 200;

/** Any sum, difference or product of two numbers that are let in. */
const Exact = Decimal.clone({ precision: 25_000, toExpNeg: -ROUNDED_DIGITS, toExpPos: ROUNDED_DIGITS });
/** Any quotient of two numbers with an end: a divisor of n digits has fewer than 4 n twos and fives. */
const Quotient = Exact.clone({ precision: 5 * LONGEST_NUMBER });
const Power = Exact.clone({ precision: MOST_DIGITS });
const Rounded = Exact.clone({ precision: ROUNDED_DIGITS });

type Operation = (a: Decimal, b: Decimal) => Decimal;

const OPERATIONS: Record<string, { says: string; apply: Operation }> = {
  add: { says: 'a + b', apply: (a, b) => a.plus(b) },
  subtract: { says: 'a - b', apply: (a, b) => a.minus(b) },
  multiply: { says: 'a × b', apply: (a, b) => a.times(b) },
  divide: { says: 'a ÷ b', apply: divide },
  power: { says: 'a to the power of b', apply: power },
};

const NUMBER = {
  anyOf: [
    { type: 'number' },
    { type: 'string', pattern: '^[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d{1,4})?$', maxLength: LONGEST_NUMBER },
  ],
};

export class CalculatorServer implements ToolServer {
  readonly name = 'calculator';
  readonly tools = Object.entries(OPERATIONS).map(([name, { says, apply }]): BuiltinTool => ({
    name,
    description:
      `Exact decimal arithmetic: ${says}. Numbers, or decimal strings where more than 15 digits matter. ` +
      `What has no end is rounded to ${ROUNDED_DIGITS} digits.`,
    inputSchema: {
      type: 'object',
      properties: { a: NUMBER, b: NUMBER },
      required: ['a', 'b'],
      additionalProperties: false,
    },
    idempotent: true,
    call: (input) => Promise.resolve(calculate(apply, input)),
  }));
}

function calculate(apply: Operation, input: Record<string, unknown>): ToolResult {
  try {
    return textResult(shown(apply(new Exact(input['a'] as string), new Exact(input['b'] as string))));
  } catch (error) {
    if (error instanceof ArithmeticFault) return textResult(error.message, true);
    throw error;
  }
}

class ArithmeticFault extends Error {}

function divide(a: Decimal, b: Decimal): Decimal {
  if (b.isZero()) throw new ArithmeticFault('Division by zero');
  const quotient = Quotient.div(a, b);
  return Exact.mul(quotient, b).equals(a) ? quotient : quotient.toSignificantDigits(ROUNDED_DIGITS);
}

function power(a: Decimal, b: Decimal): Decimal {
  if (a.isZero() && b.isNegative() && !b.isZero()) throw new ArithmeticFault('Division by zero');
  if (a.isNegative() && !b.isInteger()) throw new ArithmeticFault('A negative number has no real power of a fraction');
  // Digits of the result, roughly: beyond this it would only burn time.
  if (b.abs().greaterThan(100_000)) throw new ArithmeticFault('The exponent is too large (100000 at most)');
  const isExact = b.isInteger() && !b.isNegative() && b.times(a.precision()).lessThanOrEqualTo(MOST_DIGITS);
  return isExact ? Power.pow(a, b) : Rounded.pow(a, b);
}

/** In full where its digits say more than an exponent would. */
function shown(result: Decimal): string {
  if (!result.isFinite()) throw new ArithmeticFault('The result is not a finite number');
  const digits = result.precision();
  if (digits > MOST_DIGITS) throw new ArithmeticFault(`The result has ${digits} digits (${MOST_DIGITS} at most)`);
  return digits > ROUNDED_DIGITS && Math.abs(result.e) < MOST_DIGITS ? result.toFixed() : result.toString();
}
