import { Injectable, Logger } from '@nestjs/common';
import { utimes } from 'node:fs/promises';
import { v7 } from 'uuid';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { ArchiveStorage } from '../../platform/storage/file-storage.js';
import { requireFolder } from './folder-missing.js';
import type { Totals } from './session-folder.js';
import { packed, unpack } from './tar-archive.js';
import { WorkspaceFolders } from './workspace-folders.js';
import type { Turn } from './workspace-turns.js';
import { WorkspacesRepository } from './workspaces.repository.js';

/** An archived session's files that somebody wanted to read are put away again after so long. */
const READ_FOR_S = 3_600;

/**
 * Puts working directories away and brings them back. At every moment the row says where the files are, and they are
 * there whole: an archive is stored before its row names it, and the folder removed afterwards; a folder is laid out beside
 * its place, and moved there at once.
 */
@Injectable()
export class WorkspaceArchives {
  private readonly logger = new Logger('WorkspaceArchives');

  constructor(
    private readonly workspaces: WorkspacesRepository,
    private readonly folders: WorkspaceFolders,
    private readonly storage: ArchiveStorage,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** What another has left undone of it is done too. @throws FolderMissing rather than to put nothing away for something */
  async putAway({ row, folder, signal }: Turn): Promise<void> {
    const { tenantId } = currentTenantActor();
    const { sessionId } = row;
    if (row.place === 'folder') {
      await requireFolder(row, folder);
      const { archiveId, isNew, totals } = await this.stored({ row, folder, signal });
      signal.throwIfAborted();
      const isPutAway = await this.db.run(async () => {
        if (!(await this.workspaces.putAway(row, archiveId, totals))) return false;
        const payload = { sizeBytes: totals.sizeBytes, files: totals.files };
        await this.events.publish('workspace.archived', { resourceType: 'session', resourceId: sessionId, payload });
        return true;
      });
      if (!isPutAway) {
        if (isNew) await this.storage.delete({ tenantId, id: archiveId });
        return;
      }
      const { sizeBytes, files: fileCount, entries: entryCount } = totals;
      Object.assign(row, { place: 'archive', archiveId, sizeBytes, fileCount, entryCount });
    }
    await this.folders.remove({ tenantId, sessionId });
    await this.workspaces.setDue(row, null);
  }

  /** Does nothing where the files are in their folder. */
  async bringBack({ row, signal }: Turn): Promise<void> {
    if (row.place === 'folder' || row.archiveId === null) return;
    const { tenantId } = currentTenantActor();
    const key = { tenantId, sessionId: row.sessionId };
    const draft = await this.folders.folderDraft(key);
    try {
      const archive = await this.storage.read({ tenantId, id: row.archiveId });
      await unpack(archive, {
        folder: (path) =>
          draft.folder.makeFolder(
            path,
            () => undefined,
            () => undefined,
          ),
        file: async (path, content, updatedAt) => {
          signal.throwIfAborted();
          const file = await this.folders.draft(content, Number.MAX_SAFE_INTEGER);
          await utimes(file.path, updatedAt, updatedAt);
          await draft.folder.place(
            file.path,
            path,
            () => undefined,
            () => undefined,
          );
        },
      });
      signal.throwIfAborted();
      await draft.take();
    } finally {
      await draft.discard();
    }
    row.place = 'folder';
    if (row.wanted === 'archive') await this.workspaces.setDue(row, READ_FOR_S);
  }

  /** The files are about to become other than those in the archive. */
  forget({ row, atEnd }: Turn): void {
    const { archiveId: id } = row;
    if (id === null) return;
    const { tenantId } = currentTenantActor();
    row.archiveId = null;
    atEnd(async () => this.db.afterCommit(() => void this.deleteArchive(tenantId, id)));
  }

  /** Nothing of it is left then, but for what the sweeper finds. */
  async erase({ row }: Turn): Promise<void> {
    const { tenantId } = currentTenantActor();
    const { sessionId, archiveId } = row;
    await this.folders.remove({ tenantId, sessionId });
    if (archiveId !== null) await this.storage.delete({ tenantId, id: archiveId });
    await this.db.run(async () => {
      await this.workspaces.remove(row);
      await this.events.publish('workspace.deleted', { resourceType: 'session', resourceId: sessionId, payload: {} });
    });
  }

  /** The archive that holds what is in the folder: the one that it was brought back from to be read, if it is that. */
  private async stored({
    row,
    folder,
    signal,
  }: Pick<Turn, 'row' | 'folder' | 'signal'>): Promise<{ archiveId: string; isNew: boolean; totals: Totals }> {
    if (row.archiveId !== null) {
      const totals = await folder.count();
      const isSame = totals.sizeBytes === row.sizeBytes && totals.files === row.fileCount;
      if (isSame && totals.entries === row.entryCount) return { archiveId: row.archiveId, isNew: false, totals };
    }
    const { tenantId } = currentTenantActor();
    const id = v7();
    const { content, totals } = packed(folder, signal);
    await this.storage.put({ tenantId, id }, content);
    return { archiveId: id, isNew: true, totals };
  }

  private async deleteArchive(tenantId: string, id: string): Promise<void> {
    try {
      await this.storage.delete({ tenantId, id });
    } catch (error) {
      this.logger.warn(
        { err: error },
        'An archive that is not needed any more could not be deleted yet; the sweeper will',
      );
    }
  }
}
