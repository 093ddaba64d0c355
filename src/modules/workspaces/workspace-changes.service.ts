import { Injectable } from '@nestjs/common';
import { DomainError, NotFound } from '../../contracts/errors.js';
import { Settings } from '../../platform/config/settings.js';
import { Events } from '../../platform/events/events.js';
import type { FoundEntry } from './folder-entries.js';
import { WorkspaceArchives } from './workspace-archives.js';
import { WorkspaceFolders } from './workspace-folders.js';
import { WorkspaceGate } from './workspace-gate.service.js';
import { shownPath, type WorkspacePath } from './workspace-path.js';
import { WorkspaceTurns, type Turn } from './workspace-turns.js';

/**
 * Changes the files of sessions. All of it throws NotFound for a session that the caller can not see, and Conflict for one
 * that is closed. What waits for its turn when its `signal` is aborted is not done any more.
 */
@Injectable()
export class WorkspaceChanges {
  constructor(
    private readonly folders: WorkspaceFolders,
    private readonly archives: WorkspaceArchives,
    private readonly turns: WorkspaceTurns,
    private readonly gate: WorkspaceGate,
    private readonly events: Events,
    private readonly settings: Settings,
  ) {}

  /**
   * Makes the file or takes the place of the one that is there, whole or not at all.
   * @throws DomainError 413; Conflict where a folder has the path, or a file is on the way; what `content` throws
   */
  async write(
    sessionId: string,
    path: WorkspacePath,
    content: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<FoundEntry & { isNew: boolean }> {
    await this.gate.require(sessionId, 'write');
    // Before anybody has to wait for it.
    const draft = await this.folders.draft(content, this.settings.http.uploadMaxBytes);
    try {
      return await this.change(sessionId, signal, async ({ row, folder, atEnd }) => {
        const replaced = await folder.place(
          draft.path,
          path,
          (size, newFolders) => {
            this.assertRoom(row, draft.sizeBytes - (size ?? 0), newFolders + (size === null ? 1 : 0));
          },
          () => row.entryCount++,
        );
        const isNew = replaced === null;
        row.sizeBytes += draft.sizeBytes - (replaced ?? 0);
        if (isNew) {
          row.fileCount++;
          row.entryCount++;
        }
        const payload = { path: shownPath(path), sizeBytes: draft.sizeBytes, isNew };
        atEnd(() => this.events.publish('workspaceFile.written', about(sessionId, payload)));
        const entry = await folder.stat(path);
        if (!entry) throw new NotFound('File');
        return { ...entry, isNew };
      });
    } finally {
      await draft.discard();
    }
  }

  /** The folders on the way are made too. @throws Conflict where the path is taken, DomainError 413 */
  async makeFolder(sessionId: string, path: WorkspacePath, signal?: AbortSignal): Promise<void> {
    await this.gate.require(sessionId, 'write');
    await this.change(sessionId, signal, async ({ row, folder, atEnd }) => {
      await folder.makeFolder(
        path,
        (newFolders) => this.assertRoom(row, 0, newFolders),
        () => row.entryCount++,
      );
      atEnd(() => this.events.publish('workspaceFolder.created', about(sessionId, { path: shownPath(path) })));
    });
  }

  /** A file, or a folder that is empty. @throws NotFound, Conflict */
  async remove(sessionId: string, path: WorkspacePath, signal?: AbortSignal): Promise<void> {
    await this.gate.require(sessionId, 'write');
    await this.change(sessionId, signal, async ({ row, folder, atEnd }) => {
      const { isFolder, isCounted, sizeBytes } = await folder.remove(path);
      if (isCounted) row.entryCount--;
      if (isCounted && !isFolder) row.fileCount--;
      row.sizeBytes -= sizeBytes;
      atEnd(() => this.events.publish('workspaceFile.deleted', about(sessionId, { path: shownPath(path) })));
    });
  }

  private change<T>(sessionId: string, signal: AbortSignal | undefined, act: (turn: Turn) => Promise<T>): Promise<T> {
    const admit = () => this.gate.require(sessionId, 'write');
    return this.turns.take(
      sessionId,
      async (turn) => {
        await this.archives.bringBack(turn);
        this.archives.forget(turn);
        turn.signal.throwIfAborted();
        return act(turn);
      },
      { admit, ...(signal && { signal }) },
    );
  }

  /** @throws DomainError 413 */
  private assertRoom(row: Turn['row'], moreBytes: number, moreEntries: number): void {
    const { maxBytes, maxFiles } = this.settings.workspaces;
    if (moreBytes > 0 && row.sizeBytes + moreBytes > maxBytes)
      throw full(`must not hold more than ${maxBytes} bytes`, { limitBytes: maxBytes, usedBytes: row.sizeBytes });
    if (moreEntries > 0 && row.entryCount + moreEntries > maxFiles)
      throw full(`must not hold more than ${maxFiles} files and folders`, { limitFiles: maxFiles });
  }
}

/** What happens to a session's files happens to the session. */
function about<P>(sessionId: string, payload: P): { resourceType: string; resourceId: string; payload: P } {
  return { resourceType: 'session', resourceId: sessionId, payload };
}

function full(what: string, details: Record<string, unknown>): DomainError {
  return new DomainError('payload_too_large', 413, `The working directory ${what}`, { details });
}
