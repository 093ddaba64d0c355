import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { SOCKET_PORT } from './worker-protocol.js';

export const SOCKET_NAME = `.s.PGSQL.${SOCKET_PORT}`;

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, with the closing NUL. */
const MAX_SOCKET_PATH_BYTES = 103;

const NOTE = 'socket-folder';

/**
 * A folder only its owner may enter, whose path leaves room for the socket's name: `folder` itself, or a new one below
 * `temporary`, of which `folder` keeps a note so that the next start clears it away if this process is killed.
 */
export async function openSocketFolder(folder: string, temporary: string): Promise<string> {
  await clearSocketFolder(folder);
  if (Buffer.byteLength(join(folder, SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES) {
    await chmod(folder, 0o700);
    return folder;
  }
  const made = await mkdtemp(join(temporary, 'atrium-'));
  await writeFile(join(folder, NOTE), made, { mode: 0o600 });
  return made;
}

/** Whether a process accepts connections there; false where one was killed and left its socket behind. */
export async function isServedFrom(folder: string): Promise<boolean> {
  const socketFolder = (await notedFolder(folder)) ?? folder;
  return isServed(join(socketFolder, SOCKET_NAME));
}

/** Call only while holding the folder's lock. */
export async function clearSocketFolder(folder: string): Promise<void> {
  await rm(join(folder, SOCKET_NAME), { force: true });
  const made = await notedFolder(folder);
  if (made === undefined) return;
  await rm(made, { recursive: true, force: true });
  await rm(join(folder, NOTE), { force: true });
}

async function notedFolder(folder: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, NOTE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isServed(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(socketPath);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
