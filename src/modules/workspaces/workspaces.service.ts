import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { ExternalServiceFailed, NotFound } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Settings } from '../../platform/config/settings.js';
import { Db } from '../../platform/database/db.js';
import type { FoundEntry } from './folder-entries.js';
import type { OpenFile, SessionFolder } from './session-folder.js';
import { packed } from './tar-archive.js';
import { WorkspaceArchives } from './workspace-archives.js';
import { WorkspaceFolders } from './workspace-folders.js';
import { WorkspaceGate } from './workspace-gate.service.js';
import type { WorkspacePath } from './workspace-path.js';
import { WorkspaceTurns } from './workspace-turns.js';
import { WorkspacesRepository } from './workspaces.repository.js';
import { WorkspacesSweeper } from './workspaces.sweeper.js';

/** Put away and wanted again, over and over: more often than that nobody is followed. */
const MOST_RETURNS = 3;

/** What the session's state means for its files. */
export type SessionCourse = 'open' | 'archived' | 'deleted';

/** Reads the files of sessions. All of it throws NotFound for a session that the caller can not see. */
@Injectable()
export class WorkspacesService {
  constructor(
    private readonly workspaces: WorkspacesRepository,
    private readonly folders: WorkspaceFolders,
    private readonly archives: WorkspaceArchives,
    private readonly turns: WorkspaceTurns,
    private readonly gate: WorkspaceGate,
    private readonly sweeper: WorkspacesSweeper,
    private readonly db: Db,
    private readonly settings: Settings,
  ) {}

  /** Files of all depths by path, from after `after` on. */
  list(sessionId: string, after: string | null, limit: number): Promise<FoundEntry[]> {
    return this.reading(sessionId, async (folder) => {
      const files: FoundEntry[] = [];
      for await (const entry of folder.walk([], after ?? '')) {
        if (!entry.isFolder) files.push(entry);
        if (files.length === limit) break;
      }
      return files;
    });
  }

  /** What is in one folder, by name; no path: in the working directory itself. @throws NotFound */
  entries(sessionId: string, path: WorkspacePath | null, limit: number): Promise<FoundEntry[]> {
    return this.reading(sessionId, async (folder) => {
      if (path && !(await folder.stat(path))?.isFolder) throw new NotFound('Folder');
      return folder.entries(path ?? [], limit);
    });
  }

  /** @throws NotFound */
  open(sessionId: string, path: WorkspacePath): Promise<OpenFile> {
    return this.reading(sessionId, (folder) => folder.open(path), { staysWhole: true });
  }

  /** @throws NotFound */
  stat(sessionId: string, path: WorkspacePath): Promise<FoundEntry> {
    return this.reading(sessionId, async (folder) => {
      const entry = await folder.stat(path);
      if (!entry) throw new NotFound('File');
      return entry;
    });
  }

  /** For a look at several files one after the other, each of which may be gone by then. @throws NotFound */
  async folder(sessionId: string): Promise<SessionFolder> {
    return this.reading(sessionId, async (folder) => folder);
  }

  /** All of it as tar.gz; broken off where not all could be read. */
  async pack(sessionId: string): Promise<Readable> {
    return packed(await this.folder(sessionId)).content;
  }

  /** Called in the transaction that locks the session, so that the last state holds. */
  async follow(sessionId: string, course: SessionCourse): Promise<void> {
    const { workspaceDays } = this.settings.retention;
    if (course === 'open') await this.workspaces.want(sessionId, 'folder', null);
    else if (course === 'archived') await this.workspaces.want(sessionId, 'archive', 0);
    else await this.workspaces.want(sessionId, 'nothing', workspaceDays);
    if (course === 'archived') this.db.afterCommit(() => this.sweeper.kick());
  }

  /** `staysWhole`: what was read is no part of something that is put away meanwhile. */
  private async reading<T>(
    sessionId: string,
    read: (folder: SessionFolder) => Promise<T>,
    { staysWhole = false } = {},
  ): Promise<T> {
    await this.gate.require(sessionId, 'read');
    const folder = this.folders.of({ tenantId: currentTenantActor().tenantId, sessionId });
    for (let attempt = 0; attempt < MOST_RETURNS; attempt++) {
      if (await this.isAway(sessionId)) await this.turns.take(sessionId, (turn) => this.archives.bringBack(turn));
      try {
        const result = await read(folder);
        if (staysWhole || !(await this.isAway(sessionId))) return result;
      } catch (error) {
        if (!(error instanceof NotFound) || !(await this.isAway(sessionId))) throw error;
      }
    }
    throw new ExternalServiceFailed('disk', 'The working directory is busy, try again later', { retryable: true });
  }

  private async isAway(sessionId: string): Promise<boolean> {
    return (await this.workspaces.find(sessionId))?.place === 'archive';
  }
}
