import type { FileHandle } from 'node:fs/promises';
import { Conflict, NotFound } from '../../contracts/errors.js';
import { entryOf, isOurs, rawStat, sortKey, statOf, tagOf, type FoundEntry } from './folder-entries.js';
import { codeOf, HeldFolder, isAbsent } from './held-folder.js';
import { shownPath, type WorkspacePath } from './workspace-path.js';

/** What a working directory holds. */
export interface Totals {
  sizeBytes: number;
  files: number;
  /** Files and folders. */
  entries: number;
}

/** A file, open: it stays what it is, whatever is written to its path. */
export interface OpenFile {
  handle: FileHandle;
  sizeBytes: number;
  updatedAt: Date;
  /** Another for every state of a path. */
  tag: string;
}

/** The working directory of a session, on the disk. Nothing here leads out of it. */
export class SessionFolder {
  constructor(
    private readonly root: string,
    private readonly names: readonly [tenantId: string, sessionId: string],
  ) {}

  /** False when nothing was ever put there, or when it is put away. */
  async exists(): Promise<boolean> {
    const folder = await this.find([]);
    await folder?.close();
    return folder !== null;
  }

  async make(): Promise<void> {
    let at = await HeldFolder.at(this.root);
    for (const name of this.names) at = await stepped(at, name, true).then(({ folder }) => folder);
    await at.close();
  }

  /** @throws NotFound, also for what is no plain file of ours */
  async open(path: WorkspacePath): Promise<OpenFile> {
    const [parents, name] = parted(path);
    const folder = await this.find(parents);
    if (!folder) throw new NotFound('File');
    let handle: FileHandle | undefined;
    try {
      handle = await folder.file(name);
      const stats = await handle.stat();
      if (!isOurs(stats)) throw new NotFound('File');
      return { handle, sizeBytes: stats.size, updatedAt: stats.mtime, tag: tagOf(stats) };
    } catch (error) {
      await handle?.close();
      throw isAbsent(error) ? new NotFound('File') : error;
    } finally {
      await folder.close();
    }
  }

  /** Null where there is nothing that is ours. */
  async stat(path: WorkspacePath): Promise<FoundEntry | null> {
    const [parents, name] = parted(path);
    const folder = await this.find(parents);
    try {
      const stats = folder ? await statOf(folder, name) : null;
      return stats ? entryOf(shownPath(path), stats) : null;
    } finally {
      await folder?.close();
    }
  }

  /**
   * Moves a draft to its path; the folders on the way are made. `admit` may refuse, given the size of the file that it
   * takes the place of (null: of none), which is also what is returned; `made` is told of every folder that was made.
   * @throws Conflict where a folder has the path, or something else than a folder is on the way
   */
  async place(
    draft: string,
    path: WorkspacePath,
    admit: (replaced: number | null, newFolders: number) => void,
    made: () => void,
  ): Promise<number | null> {
    const [parents, name] = parted(path);
    const missing = await this.missing(parents);
    const replaced = missing > 0 ? null : await this.replaceable(path);
    admit(replaced, missing);
    await this.make();
    const folder = await this.makeWay(parents, made);
    try {
      await folder.take(draft, name);
      return replaced;
    } catch (error) {
      if (['EISDIR', 'ENOTEMPTY', 'EEXIST', 'EPERM'].includes(codeOf(error) ?? '')) throw isAFolder(shownPath(path));
      throw error;
    } finally {
      await folder.close();
    }
  }

  /** @throws Conflict where the path is taken, or something else than a folder is on the way */
  async makeFolder(path: WorkspacePath, admit: (newFolders: number) => void, made: () => void): Promise<void> {
    const missing = await this.missing(path);
    if (missing === 0) throw new Conflict(`There is a folder ${shownPath(path)} already`);
    admit(missing);
    await this.make();
    await (await this.makeWay(path, made)).close();
  }

  /** A file or an empty folder: what was removed. @throws NotFound; Conflict for a folder that holds something */
  async remove(path: WorkspacePath): Promise<FoundEntry & { isCounted: boolean }> {
    const [parents, name] = parted(path);
    const folder = await this.find(parents);
    if (!folder) throw new NotFound('File');
    try {
      const stats = await folder.stat(name);
      await (stats.isDirectory() ? folder.removeFolder(name) : folder.remove(name));
      const isCounted = stats.isDirectory() || isOurs(stats);
      return { ...entryOf(shownPath(path), stats), isCounted, ...(isCounted ? {} : { sizeBytes: 0 }) };
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? ''))
        throw new Conflict(`The folder ${shownPath(path)} is not empty`, { cause: error });
      throw isAbsent(error) ? new NotFound('File') : error;
    } finally {
      await folder.close();
    }
  }

  /** Everything below a folder, by path; after `after`, if that is given. Folders are told before what they hold. */
  async *walk(from: readonly string[] = [], after = ''): AsyncGenerator<FoundEntry> {
    let folder = await this.find(from);
    if (!folder) return;
    const prefix = from.map((name) => `${name}/`).join('');
    try {
      const entries = (await folder.entries()).map((entry) => ({ ...entry, key: sortKey(prefix, entry) }));
      entries.sort((one, other) => (one.key < other.key ? -1 : 1));
      for (const { name, isFolder, key } of entries) {
        if (key <= after && !(isFolder && after.startsWith(key))) continue;
        folder ??= await this.find(from);
        const stats = folder ? await statOf(folder, name) : null;
        if (!stats || stats.isDirectory() !== isFolder) continue;
        if (!isFolder || key > after) yield entryOf(prefix + name, stats);
        if (!isFolder) continue;
        // However deep it goes, one folder is open.
        await folder?.close();
        folder = null;
        yield* this.walk([...from, name], after);
      }
    } finally {
      await folder?.close();
    }
  }

  /** What is in a folder, by name. */
  async entries(path: readonly string[], limit: number): Promise<FoundEntry[]> {
    const folder = await this.find(path);
    if (!folder) return [];
    try {
      const names = (await folder.entries()).map(({ name }) => name).sort();
      const found: FoundEntry[] = [];
      for (const name of names) {
        const stats = found.length < limit ? await statOf(folder, name) : null;
        if (stats) found.push(entryOf(shownPath([...path, name]), stats));
      }
      return found;
    } finally {
      await folder.close();
    }
  }

  async count(): Promise<Totals> {
    const totals = { sizeBytes: 0, files: 0, entries: 0 };
    for await (const { isFolder, sizeBytes } of this.walk()) {
      totals.entries++;
      if (isFolder) continue;
      totals.files++;
      totals.sizeBytes += sizeBytes;
    }
    return totals;
  }

  /** Null where it or something on the way is missing, or no folder. */
  private async find(path: readonly string[]): Promise<HeldFolder | null> {
    try {
      let at = await HeldFolder.at(this.root);
      for (const name of [...this.names, ...path]) at = (await stepped(at, name, false)).folder;
      return at;
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  /** How many folders of the path would have to be made. @throws Conflict where something else is in their place */
  private async missing(path: readonly string[]): Promise<number> {
    let at: HeldFolder | null = await this.find([]);
    try {
      for (const [index, name] of path.entries()) {
        const stats = at ? await rawStat(at, name) : null;
        if (!at || !stats) return path.length - index;
        if (!stats.isDirectory()) throw notOnTheWay(path, index);
        const next = await stepped(at, name, false).catch((error: unknown) => {
          throw isAbsent(error) ? notOnTheWay(path, index) : error;
        });
        at = next.folder;
      }
      return 0;
    } finally {
      await at?.close().catch(() => undefined);
    }
  }

  /** The size of the file that has the path, null where none has. @throws Conflict where a folder has it */
  private async replaceable(path: WorkspacePath): Promise<number | null> {
    const [parents, name] = parted(path);
    const folder = await this.find(parents);
    try {
      const stats = folder ? await rawStat(folder, name) : null;
      if (stats?.isDirectory()) throw isAFolder(shownPath(path));
      return stats && isOurs(stats) ? stats.size : null;
    } finally {
      await folder?.close();
    }
  }

  private async makeWay(path: readonly string[], made: () => void): Promise<HeldFolder> {
    let at = await HeldFolder.at(this.root);
    for (const name of this.names) at = (await stepped(at, name, false)).folder;
    for (const [index, name] of path.entries()) {
      const next = await stepped(at, name, true).catch((error: unknown) => {
        throw isAbsent(error) ? notOnTheWay(path, index) : error;
      });
      if (next.isNew) made();
      at = next.folder;
    }
    return at;
  }
}

/** The folder of that name in another, which is closed. */
async function stepped(at: HeldFolder, name: string, make: boolean): Promise<{ folder: HeldFolder; isNew: boolean }> {
  try {
    let isNew = false;
    if (make) {
      isNew = await at.makeFolder(name).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === 'EEXIST') return false;
          throw error;
        },
      );
    }
    return { folder: await at.folder(name), isNew };
  } finally {
    await at.close();
  }
}

function parted(path: WorkspacePath): [parents: string[], name: string] {
  return [path.slice(0, -1), path.at(-1) ?? ''];
}

function isAFolder(path: string): Conflict {
  return new Conflict(`${path} is a folder`);
}

function notOnTheWay(path: readonly string[], index: number): Conflict {
  return new Conflict(`${shownPath(path.slice(0, index + 1))} is no folder`);
}
