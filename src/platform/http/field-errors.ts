import type { ValidationError } from 'class-validator';
import type { FieldError } from '../../contracts/errors.js';
import { maskText, redact } from '../telemetry/redaction.js';
import { isSecretName } from '../telemetry/secret-names.js';
import { fieldPath, shorten } from './field-path.js';

/** More would help nobody, and a body may have a hundred thousand. */
export const MAX_FAULTS = 20;

/** One entry per field that is at fault, at most 20, paths like `items[2].name`, below `above`. */
export function fieldErrors(errors: readonly ValidationError[], above: (string | number)[] = []): FieldError[] {
  const found: FieldError[] = [];
  for (const error of errors) collect(error, above, false, found);
  return found;
}

function collect(error: ValidationError, above: (string | number)[], inList: boolean, found: FieldError[]): void {
  if (found.length === MAX_FAULTS) return;
  const path = [...above, inList ? Number(error.property) : error.property];
  // The decorators written first are checked last, and the first says what type it has to be.
  const message = Object.values(error.constraints ?? {}).at(-1);
  if (message !== undefined) {
    found.push(fieldError(path, inPlace(message, error.property, path), error.value));
    return;
  }
  for (const child of error.children ?? []) collect(child, path, Array.isArray(error.value), found);
}

export function fieldError(path: readonly (string | number)[], message: string, value?: unknown): FieldError {
  const isSecret = path.some((step) => typeof step === 'string' && isSecretName(step));
  const error: FieldError = { field: fieldPath(path), message: shorten(message) };
  return isSecret || value === undefined ? error : { ...error, value: shown(value) };
}

/** Messages start with the property's own name, or name it as unknown; both get its whole path. */
function inPlace(message: string, property: string, path: readonly (string | number)[]): string {
  const whole = fieldPath(path);
  if (message.startsWith(`${property} `)) return `${whole}${message.slice(property.length)}`;
  return message.replace(`property ${property} `, () => `property ${whole} `);
}

function shown(value: unknown): unknown {
  if (typeof value === 'string') return shorten(maskText(value));
  if (typeof value !== 'object' || value === null) return value;
  const safe = redact(value);
  const text = JSON.stringify(safe);
  return text.length > 200 ? shorten(text) : safe;
}
