import { Decimal } from 'decimal.js';
import type { ToolDefinition, ToolResult, ToolServer } from './tool.js';

/** 40 significant digits: exact for what people write down, rounded half up beyond (`1 / 3`). */
const Exact = Decimal.clone({ precision: 40, toExpNeg: -40, toExpPos: 40 });

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
    { type: 'string', pattern: '^[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d{1,4})?$', maxLength: 200 },
  ],
};

export class CalculatorServer implements ToolServer {
  readonly name = 'calculator';

  private readonly definitions = Object.entries(OPERATIONS).map(([operation, { says }]): ToolDefinition => ({
    name: `calculator:${operation}`,
    description: `Exact decimal arithmetic: ${says}. Numbers, or decimal strings where digits matter.`,
    inputSchema: {
      type: 'object',
      properties: { a: NUMBER, b: NUMBER },
      required: ['a', 'b'],
      additionalProperties: false,
    },
    idempotent: true,
    source: 'builtin',
  }));

  tools(): readonly ToolDefinition[] {
    return this.definitions;
  }

  async call(tool: string, input: Record<string, unknown>): Promise<ToolResult> {
    const operation = OPERATIONS[tool];
    if (!operation) return { isError: true, output: `calculator has no ${tool}` };
    try {
      const result = operation.apply(new Exact(input['a'] as string), new Exact(input['b'] as string));
      if (!result.isFinite()) return { isError: true, output: 'The result is not a finite number' };
      return { isError: false, output: result.toString() };
    } catch (error) {
      if (error instanceof ArithmeticFault) return { isError: true, output: error.message };
      throw error;
    }
  }
}

class ArithmeticFault extends Error {}

function divide(a: Decimal, b: Decimal): Decimal {
  if (b.isZero()) throw new ArithmeticFault('Division by zero');
  return a.dividedBy(b);
}

function power(a: Decimal, b: Decimal): Decimal {
  if (a.isZero() && b.isNegative()) throw new ArithmeticFault('Division by zero');
  if (a.isNegative() && !b.isInteger()) throw new ArithmeticFault('A negative number has no real power of a fraction');
  // Digits of the result, roughly: beyond this it would only burn time.
  if (b.abs().greaterThan(100_000)) throw new ArithmeticFault('The exponent is too large (100000 at most)');
  return a.pow(b);
}
