import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Settings } from '../../platform/config/settings.js';
import { isUuid } from '../../platform/http/id.decorator.js';
import type { McpServerEntity } from './mcp-server.entity.js';

const REMOVED = 'removed';

type FolderKey = Pick<McpServerEntity, 'tenantId' | 'id'>;

/**
 * Where the processes of servers work and keep what they know, `DATA_DIR/mcp/<tenant>/<server>`. One that goes is first
 * moved out of reach of a process that still writes there; what then can not be deleted is so at a later try.
 */
@Injectable()
export class McpFolders {
  private readonly root: string;

  constructor({ dataDir }: Settings) {
    this.root = join(dataDir, 'mcp');
  }

  of({ tenantId, id }: FolderKey): string {
    return join(this.root, tenantId, id);
  }

  async make(key: FolderKey): Promise<void> {
    await mkdir(this.of(key), { recursive: true, mode: 0o700 });
  }

  async remove(key: FolderKey): Promise<void> {
    await this.removePath(this.of(key));
  }

  async removeAll(tenantId: string): Promise<void> {
    if (!isUuid(tenantId)) throw new Error('A folder is named by an id');
    await this.removePath(join(this.root, tenantId));
  }

  /** The servers' ids of which there are folders, by tenant. */
  async *all(): AsyncGenerator<{ tenantId: string; ids: string[] }> {
    for (const tenantId of (await namesIn(this.root)).filter(isUuid)) {
      const ids = (await namesIn(join(this.root, tenantId))).filter(isUuid);
      if (ids.length > 0) yield { tenantId, ids };
    }
  }

  /** Tells of each that can not be deleted, and goes on. */
  async deleteRemoved(failed: (error: unknown) => void): Promise<void> {
    const folder = join(this.root, REMOVED);
    for (const name of await namesIn(folder))
      await rm(join(folder, name), { recursive: true, force: true }).catch(failed);
  }

  private async removePath(path: string): Promise<void> {
    const removed = join(this.root, REMOVED, randomUUID());
    try {
      await mkdir(join(this.root, REMOVED), { recursive: true, mode: 0o700 });
      await rename(path, removed);
    } catch (error) {
      if (isAbsent(error)) return;
      throw error;
    }
    await rm(removed, { recursive: true, force: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}
