import { ValidateBy, type ValidationOptions } from 'class-validator';
import { policyPath } from '../../contracts/policy-path.js';

const MOST = 50;
const LONGEST = 1000;

/** JSONPaths as keys, patterns as values: one that can't be read would fail at each call of a tool instead. */
export function ArePatterns(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'arePatterns',
      validator: {
        validate: (value: unknown) => faultOf(value) === null,
        defaultMessage: (args) => `$property ${faultOf(args?.value) ?? 'is wrong'}`,
      },
    },
    options,
  );
}

function faultOf(patterns: unknown): string | null {
  if (typeof patterns !== 'object' || patterns === null) return 'must be an object';
  const entries = Object.entries(patterns);
  if (entries.length > MOST) return `must not name more than ${MOST} paths`;
  for (const [path, pattern] of entries) {
    if (typeof pattern !== 'string' || pattern.length > LONGEST)
      return `must map each path to a text of at most ${LONGEST}`;
    const fault = path.length > LONGEST ? 'too long' : pathFault(path);
    if (fault) return `must have JSONPaths as its keys: ${fault}`;
  }
  return null;
}

function pathFault(path: string): string | null {
  try {
    policyPath(path);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
