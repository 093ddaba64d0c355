import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from './folders.js';

/** Outside production a secret that is not given is made once and kept in DATA_DIR, readable by the owner alone. */
export function madeSecret(dataDir: string, name: 'jwt' | 'encryption'): string {
  const folder = join(dataDir, 'secrets');
  const path = join(folder, name);
  const draft = `${path}.${randomUUID()}`;
  makeFolders(folder);
  writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600 });
  try {
    // A link appears whole or not at all and never replaces, so two starters end with the same secret.
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path, 'utf8').trim();
}
