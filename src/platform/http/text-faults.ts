import type { FieldError } from '../../contracts/errors.js';
import { fieldPath } from './field-path.js';

const MAX_DEPTH = 64;

type Step = string | number;

/**
 * The first thing in a parsed body or query that can't be stored or followed: a NUL or half a surrogate pair in a text
 * or a name, `__proto__` as a name, a number beyond all doubles, or more than 64 levels. Null when there is none.
 */
export function textFault(value: unknown, root: 'body' | 'query'): FieldError | null {
  return faultIn(value, [], root);
}

function faultIn(value: unknown, path: Step[], root: string): FieldError | null {
  if (typeof value === 'string')
    return isStorable(value) ? null : at(path, root, 'must be text without NUL and lone surrogates');
  // Written as 1e999; JSON would show it as null afterwards.
  if (typeof value === 'number' && !Number.isFinite(value)) return at(path, root, 'must be a finite number');
  if (typeof value !== 'object' || value === null) return null;
  if (path.length === MAX_DEPTH)
    return { field: root, message: `${root} must not be nested more than ${MAX_DEPTH} levels deep` };
  return Array.isArray(value) ? faultInItems(value, path, root) : faultInFields(value, path, root);
}

function faultInItems(items: unknown[], path: Step[], root: string): FieldError | null {
  for (let index = 0; index < items.length; index++) {
    path.push(index);
    const fault = faultIn(items[index], path, root);
    if (fault) return fault;
    path.pop();
  }
  return null;
}

function faultInFields(value: object, path: Step[], root: string): FieldError | null {
  for (const [name, part] of Object.entries(value)) {
    path.push(name);
    if (name === '__proto__') return at(path, root, 'is not allowed as a name');
    const fault = isStorable(name)
      ? faultIn(part, path, root)
      : at(path, root, 'must be a name without NUL and lone surrogates');
    if (fault) return fault;
    path.pop();
  }
  return null;
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function at(path: Step[], root: string, fault: string): FieldError {
  const field = fieldPath(path) || root;
  return { field, message: `${field} ${fault}` };
}
