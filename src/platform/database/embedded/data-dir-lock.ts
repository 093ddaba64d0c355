import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

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
  static async acquire(folder: string): Promise<DataDirLock | undefined> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
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
