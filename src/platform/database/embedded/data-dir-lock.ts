import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolders } from '../../config/folders.js';

const SQLITE_BUSY = 5;
/** Two that come at the same time step back from each other, both, before one of them gets it. */
const TRIED_FOR_MS = 500;

/**
 * Keeps a second process, or a second thread, off a folder.
 *
 * The operating system holds the lock (SQLite's, on an empty file) and drops it with the process, so there is never a
 * stale one to judge by a process id or to take over. While it is held nobody else may open the lock file in this
 * process: POSIX would drop the lock when they close it.
 */
export class DataDirLock {
  readonly #file: DatabaseSync;

  private constructor(file: DatabaseSync) {
    this.#file = file;
  }

  /** Undefined when someone else holds it. */
  static acquire(folder: string): DataDirLock | undefined {
    makeFolders(folder);
    const file = new DatabaseSync(join(folder, 'lock'), { timeout: TRIED_FOR_MS });
    try {
      file.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return new DataDirLock(file);
    } catch (error) {
      file.close();
      if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return undefined;
      throw error;
    }
  }

  release(): void {
    this.#file.close();
  }
}
