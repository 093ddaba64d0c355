import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeFolders } from '../config/folders.js';
import { isUuid } from '../http/id.decorator.js';
import {
  assertKey,
  BytesMissing,
  FileStorage,
  type ByteRange,
  type StorageKey,
  type StoredBytes,
} from './file-storage.js';

const DRAFTS = 'drafts';

/** In one folder, a folder in it a tenant; processes that share files share that folder. */
export class DiskStorage extends FileStorage {
  constructor(private readonly root: string) {
    super();
  }

  async put(key: StorageKey, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.pathOf(key);
    const draft = join(this.root, DRAFTS, randomUUID());
    makeFolders(dirname(draft));
    const file = createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true });
    const closed = Promise.withResolvers<undefined>();
    file.once('close', () => closed.resolve(undefined));
    try {
      await pipeline(content, file);
      makeFolders(dirname(path));
      await rename(draft, path);
    } catch (error) {
      // Broken off while it was being opened, it is there only afterwards.
      await closed.promise;
      await rm(draft, { force: true });
      throw error;
    }
    await sync(dirname(path));
  }

  async read(key: StorageKey, range?: ByteRange): Promise<Readable> {
    try {
      const file = await open(this.pathOf(key), 'r');
      return file.createReadStream(range);
    } catch (error) {
      if (isMissing(error)) throw new BytesMissing('There are no such bytes', { cause: error });
      throw error;
    }
  }

  async delete(key: StorageKey): Promise<void> {
    await rm(this.pathOf(key), { force: true });
  }

  async deleteAll(tenantId: string): Promise<void> {
    assertKey({ tenantId, id: tenantId });
    await rm(join(this.root, tenantId), { recursive: true, force: true });
  }

  async *all(): AsyncGenerator<StoredBytes> {
    for (const tenantId of await idsIn(this.root)) {
      for (const id of await idsIn(join(this.root, tenantId))) {
        const key = { tenantId, id };
        const storedAt = await modifiedAt(this.pathOf(key));
        if (storedAt) yield { key, storedAt };
      }
    }
  }

  async deleteDrafts(before: Date): Promise<void> {
    for (const id of await idsIn(join(this.root, DRAFTS))) {
      const draft = join(this.root, DRAFTS, id);
      const begunAt = await modifiedAt(draft);
      if (begunAt && begunAt < before) await rm(draft, { force: true });
    }
  }

  private pathOf(key: StorageKey): string {
    assertKey(key);
    return join(this.root, key.tenantId, key.id);
  }
}

/** A new name in a folder is on the disk when the folder is. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What else lies there is not ours. */
async function idsIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => isUuid(name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function modifiedAt(path: string): Promise<Date | null> {
  try {
    return (await stat(path)).mtime;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
