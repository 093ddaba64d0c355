import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Conflict } from '../../../contracts/errors.js';
import { Settings } from '../../../platform/config/settings.js';
import { answerAttachment, answerStream } from '../../../platform/http/attachment.js';
import { bodyBytes } from '../../../platform/http/body-bytes.js';
import { fileName } from '../../../platform/http/file-name.js';
import { Cursors } from '../../../platform/http/pagination.js';
import { mimeTypeOf } from '../../workspaces/mime-type.js';
import type { FoundEntry } from '../../workspaces/folder-entries.js';
import { WorkspaceChanges } from '../../workspaces/workspace-changes.service.js';
import { WorkspaceGate, type WorkspaceUse } from '../../workspaces/workspace-gate.service.js';
import type { WorkspacePath } from '../../workspaces/workspace-path.js';
import { WorkspacesService } from '../../workspaces/workspaces.service.js';
import type { SessionStatus } from '../session.entity.js';
import { SessionsRepository } from '../sessions.repository.js';
import { SessionsService } from '../sessions.service.js';
import type { ListWorkingFilesQuery, WorkingFileDto, WorkingFilePage } from './working-directory.dto.js';

/** Their files can be read and not changed. */
const CLOSED: ReadonlySet<SessionStatus> = new Set(['completed', 'archived']);

/** The working directory of a session as its people see it, and who these are. */
@Injectable()
export class WorkingDirectory implements OnModuleInit {
  constructor(
    private readonly sessions: SessionsService,
    private readonly all: SessionsRepository,
    private readonly workspaces: WorkspacesService,
    private readonly changes: WorkspaceChanges,
    private readonly gate: WorkspaceGate,
    private readonly cursors: Cursors,
    private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.gate.guardedBy((sessionId, use) => this.admit(sessionId, use));
  }

  /** Undefined when the archive was sent. @throws NotFound, BadRequest for a cursor that is not of this list */
  async list(id: string, query: ListWorkingFilesQuery, response: Response): Promise<WorkingFilePage | undefined> {
    if (query.archive) {
      const content = await this.workspaces.pack(id);
      await answerStream({ name: `${id}.tar.gz`, contentType: 'application/gzip', content }, response);
      return undefined;
    }
    const [after] = this.cursors.decode(query.cursor, 2);
    const entries = await this.workspaces.list(id, after === undefined ? null : plain(after), query.limit + 1);
    const rows = entries.map((entry) => ({ ...entry, id }));
    return this.cursors.page(rows, query.limit, shown, (row) => [encoded(row.path), id]);
  }

  /** @throws NotFound, DomainError 416 */
  async read(id: string, path: WorkspacePath, request: Request, response: Response): Promise<void> {
    const { handle, sizeBytes, tag } = await this.workspaces.open(id, path);
    try {
      const name = fileName(path.at(-1) ?? '');
      const contentType = mimeTypeOf(name);
      const read = async (range = { start: 0, end: sizeBytes - 1 }) =>
        handle.createReadStream({ ...range, autoClose: false });
      await answerAttachment({ name, contentType, sizeBytes, tag, read }, request, response);
    } finally {
      await handle.close();
    }
  }

  /** @throws NotFound, Conflict, DomainError 413, BadRequest when the body is cut off */
  async write(id: string, path: WorkspacePath, request: Request, response: Response): Promise<WorkingFileDto> {
    const { uploadMaxBytes } = this.settings.http;
    const { isNew, ...file } = await this.changes.write(id, path, bodyBytes(request, uploadMaxBytes));
    response.status(isNew ? 201 : 200);
    return shown(file);
  }

  /** @throws NotFound, Conflict */
  async remove(id: string, path: WorkspacePath): Promise<void> {
    await this.changes.remove(id, path);
  }

  private async admit(sessionId: string, use: WorkspaceUse): Promise<void> {
    const { status, rootSessionId } = await this.sessions.require(sessionId);
    if (use === 'read') return;
    if (CLOSED.has(status)) throw new Conflict(`The session is ${status}: its files can be read, and not changed`);
    // Its files are archived with those of the session it is below.
    if (rootSessionId !== null && (await this.all.find(rootSessionId))?.status === 'archived')
      throw new Conflict('The session above this one is archived: its files can be read, and not changed');
  }
}

function shown({ path, sizeBytes, updatedAt }: FoundEntry): WorkingFileDto {
  return { path, sizeBytes, mimeType: mimeTypeOf(path), updatedAt };
}

/** A path may hold what takes six characters in JSON, and a cursor has a greatest length. */
function encoded(path: string): string {
  return Buffer.from(path).toString('base64url');
}

function plain(text: string): string {
  return Buffer.from(text, 'base64url').toString();
}
