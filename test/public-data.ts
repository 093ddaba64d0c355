import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Data of others (strings, paths, hosts, documents), which is no part of this repository. */
const FOLDER = process.env['TEST_DATA'] ?? join(import.meta.dirname, '../../shared/data');

/** Undefined where there is none; what needs it is left out there, and said to be. */
export function publicData(path: string): Buffer | undefined {
  const file = join(FOLDER, path);
  return existsSync(file) ? readFileSync(file) : undefined;
}

export function publicLines(path: string): string[] {
  return publicData(path)?.toString().split('\n').filter(Boolean) ?? [];
}

export function publicStrings(path: string): string[] {
  return JSON.parse(publicData(path)?.toString() ?? '[]') as string[];
}
