import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { DomainError, ExternalServiceFailed } from '../../contracts/errors.js';
import { makeFolders } from '../../platform/config/folders.js';
import { Settings } from '../../platform/config/settings.js';
import { isUuid } from '../../platform/http/id.decorator.js';
import { codeOf } from './held-folder.js';
import { SessionFolder } from './session-folder.js';

const DRAFTS = 'drafts';
const FILE_MODE = 0o600;

/** Which session's folder it is. */
export interface FolderKey {
  tenantId: string;
  sessionId: string;
}

/** A file that is being written, and belongs nowhere yet. */
export interface Draft {
  path: string;
  sizeBytes: number;
  /** Does nothing when it was moved. */
  discard(): Promise<void>;
}

/**
 * The folders of all working directories, `DATA_DIR/workspaces/<tenant>/<session>`, of ids of ours alone. What is written
 * or thrown away is in a folder beside them meanwhile, on the same disk, so that it comes and goes whole.
 */
@Injectable()
export class WorkspaceFolders {
  private readonly root: string;

  constructor({ dataDir }: Settings) {
    this.root = join(dataDir, 'workspaces');
  }

  of(key: FolderKey): SessionFolder {
    return new SessionFolder(this.root, namesOf(key));
  }

  /** @throws DomainError 413, and what `content` throws; then nothing is left */
  async draft(content: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Draft> {
    const path = this.draftPath();
    const discard = () => rm(path, { force: true });
    const file = await open(path, 'wx', FILE_MODE);
    let sizeBytes = 0;
    try {
      for await (const chunk of content) {
        sizeBytes += chunk.length;
        if (sizeBytes > limitBytes) throw tooLarge(limitBytes);
        await file.appendFile(chunk);
      }
      await file.sync();
    } catch (error) {
      await file.close();
      await discard();
      throw isDiskFull(error) ? noRoom(error) : error;
    }
    await file.close();
    return { path, sizeBytes, discard };
  }

  /** A folder that belongs nowhere yet, laid out as the one it will take the place of. */
  async folderDraft(
    key: FolderKey,
  ): Promise<{ folder: SessionFolder; take(): Promise<void>; discard(): Promise<void> }> {
    const path = this.draftPath();
    await mkdir(path, { mode: 0o700 });
    const folder = new SessionFolder(path, namesOf(key));
    await folder.make();
    const names = namesOf(key);
    return {
      folder,
      take: async () => {
        await this.remove(key);
        makeFolders(join(this.root, key.tenantId));
        await rename(join(path, ...names), join(this.root, ...names));
      },
      discard: () => rm(path, { recursive: true, force: true }),
    };
  }

  /** Whoever reads there finds all of it or nothing. */
  async remove(key: FolderKey): Promise<void> {
    await this.removePath(join(this.root, ...namesOf(key)));
  }

  async removeAll(tenantId: string): Promise<void> {
    if (!isUuid(tenantId)) throw new Error('A folder is named by an id');
    await this.removePath(join(this.root, tenantId));
  }

  /** Every folder that is there, and when something was last put into it itself. */
  async *all(): AsyncGenerator<{ key: FolderKey; changedAt: Date }> {
    for (const tenantId of await namesIn(this.root)) {
      for (const sessionId of isUuid(tenantId) ? await namesIn(join(this.root, tenantId)) : []) {
        const changedAt = isUuid(sessionId) ? await changedAtOf(join(this.root, tenantId, sessionId)) : null;
        if (changedAt) yield { key: { tenantId, sessionId }, changedAt };
      }
    }
  }

  /** Drafts that were begun before then: those who wrote them are gone. */
  async deleteDrafts(before: Date): Promise<void> {
    for (const name of await namesIn(join(this.root, DRAFTS))) {
      const path = join(this.root, DRAFTS, name);
      const changedAt = await changedAtOf(path);
      if (changedAt && changedAt < before) await rm(path, { recursive: true, force: true });
    }
  }

  private async removePath(path: string): Promise<void> {
    const removed = this.draftPath();
    try {
      await rename(path, removed);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
    await rm(removed, { recursive: true, force: true });
  }

  private draftPath(): string {
    makeFolders(join(this.root, DRAFTS));
    return join(this.root, DRAFTS, randomUUID());
  }
}

function namesOf({ tenantId, sessionId }: FolderKey): [string, string] {
  if (!isUuid(tenantId) || !isUuid(sessionId)) throw new Error('A folder is named by two ids');
  return [tenantId, sessionId];
}

function tooLarge(limitBytes: number): DomainError {
  const message = `A file must not be larger than ${limitBytes} bytes`;
  return new DomainError('payload_too_large', 413, message, { details: { limitBytes } });
}

export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EROFS'].includes(codeOf(error) ?? '');
}

export function noRoom(cause: unknown): ExternalServiceFailed {
  return new ExternalServiceFailed('disk', 'There is no room on the disk for working directories', {
    retryable: true,
    cause,
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

async function changedAtOf(path: string): Promise<Date | null> {
  try {
    return (await stat(path)).mtime;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
