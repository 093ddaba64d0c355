import { constants, existsSync, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rmdir, unlink, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Linux shows an open folder under this path, so that what is below it is looked up from the folder itself, as `openat` does:
 * whatever becomes of the names on the way, a link put in place of one of them meanwhile leads nowhere.
 *
 * Elsewhere names are joined. A link is refused there too, but one that another process of this machine puts in place of
 * a folder between the look at it and its use is followed. Nobody can do that through Atrium, which makes no links.
 */
const DESCRIPTORS = '/proc/self/fd';
const HAS_DESCRIPTORS = process.platform === 'linux' && existsSync(DESCRIPTORS);

/** Never through a link, and never waiting for whoever writes to a pipe. Windows knows none of these. */
const {
  O_RDONLY,
  O_DIRECTORY = 0,
  O_NOFOLLOW = 0,
  O_NONBLOCK = 0,
} = constants as Partial<typeof constants> & {
  O_RDONLY: number;
};

const FOLDER_MODE = 0o700;

/** A folder that is held open: what is done in it is done there, wherever its path leads by now. */
export class HeldFolder {
  private constructor(
    private readonly handle: FileHandle,
    private readonly path: string,
  ) {}

  /** By a path of ours alone. @throws ENOENT, ENOTDIR */
  static async at(path: string): Promise<HeldFolder> {
    return HeldFolder.opened(path, 0);
  }

  private static async opened(path: string, flags: number): Promise<HeldFolder> {
    const handle = await open(path, O_RDONLY | O_DIRECTORY | flags);
    return new HeldFolder(handle, HAS_DESCRIPTORS ? `${DESCRIPTORS}/${handle.fd}` : path);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  /** @throws ENOENT; ENOTDIR or ELOOP for what is no folder, a link to one included */
  async folder(name: string): Promise<HeldFolder> {
    const path = this.pathOf(name);
    if (!HAS_DESCRIPTORS && !(await lstat(path)).isDirectory()) throw notAFolder();
    return HeldFolder.opened(path, O_NOFOLLOW);
  }

  /** Those of them that can be addressed: others were put here by someone else. */
  async entries(): Promise<{ name: string; isFolder: boolean }[]> {
    const entries = await readdir(HAS_DESCRIPTORS ? `${this.path}/.` : this.path, { withFileTypes: true });
    return entries
      .filter(({ name }) => !/[\\\ufffd]/.test(name))
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  }

  /** Of the entry itself, also where it is a link. @throws ENOENT */
  stat(name: string): Promise<Stats> {
    return lstat(this.pathOf(name));
  }

  /** To be read. What it is has to be asked of the handle. @throws ENOENT, ELOOP for a link */
  async file(name: string): Promise<FileHandle> {
    const path = this.pathOf(name);
    if (!HAS_DESCRIPTORS && !(await lstat(path)).isFile())
      throw Object.assign(new Error('No file'), { code: 'ENOENT' });
    return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  }

  /** @throws EEXIST */
  async makeFolder(name: string): Promise<void> {
    await mkdir(this.pathOf(name), { mode: FOLDER_MODE });
  }

  /** Puts `from`, a path of ours, in the place of whatever has the name but a folder. */
  async take(from: string, name: string): Promise<void> {
    await rename(from, this.pathOf(name));
  }

  async remove(name: string): Promise<void> {
    await unlink(this.pathOf(name));
  }

  /** @throws ENOTEMPTY */
  async removeFolder(name: string): Promise<void> {
    await rmdir(this.pathOf(name));
  }

  async setTime(name: string, at: Date): Promise<void> {
    await utimes(this.pathOf(name), at, at);
  }

  /** `name` is one name, which the rules of paths have let through or the folder has told. */
  private pathOf(name: string): string {
    if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) throw new Error(`${name} is no name`);
    return HAS_DESCRIPTORS ? `${this.path}/${name}` : join(this.path, name);
  }
}

function notAFolder(): Error {
  return Object.assign(new Error('No folder'), { code: 'ENOTDIR' });
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** There is nothing of that name, or nothing that we put there: a link, or a file in the place of a folder. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENODEV'].includes(codeOf(error) ?? '');
}
