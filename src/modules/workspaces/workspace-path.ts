import { ValidationFailed } from '../../contracts/errors.js';

const MAX_BYTES = 1_024;
/** What file systems take for one name. */
const MAX_NAME_BYTES = 255;
/** Each is gone through from the top, since what lies between could be a link by now. */
const MAX_DEPTH = 64;

/** The names of the folders on the way, and of the entry itself; none of them leads anywhere but down. */
export type WorkspacePath = readonly [string, ...string[]];

/**
 * A path in a working directory, as it was given: nothing in it is decoded or normalised any more, so that one entry has
 * one path.
 * @throws ValidationFailed
 */
export function workspacePath(text: string, field = 'path'): WorkspacePath {
  const fault = pathFault(text);
  if (fault) throw ValidationFailed.of(field, `${field} ${fault}`);
  return text.split('/') as [string, ...string[]];
}

function pathFault(text: string): string | null {
  if (Buffer.byteLength(text) > MAX_BYTES) return `must not be longer than ${MAX_BYTES} bytes`;
  if (text.includes('\0')) return 'must not hold NUL';
  if (text.includes('\\')) return 'must not hold a backslash: names are separated by /';
  if (!text.isWellFormed()) return 'must be well-formed Unicode';
  const names = text.split('/');
  if (names.length > MAX_DEPTH) return `must not be deeper than ${MAX_DEPTH} names`;
  for (const name of names) {
    if (name === '') return 'must not be empty, begin or end with /, or hold an empty name';
    if (name === '.' || name === '..') return `must not hold the name ${name}`;
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `must not hold a name longer than ${MAX_NAME_BYTES} bytes`;
  }
  return null;
}

export function shownPath(path: readonly string[]): string {
  return path.join('/');
}
