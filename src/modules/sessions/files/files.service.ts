import { Injectable, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AccessDenied, NotFound } from '../../../contracts/errors.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import type { Upload } from '../../../platform/http/upload.js';
import { FileStorage } from '../../../platform/storage/file-storage.js';
import type { StoredFile } from './file.js';
import { answerContent } from './file-content.js';
import { FileInspector } from './file-inspector.js';
import { shownFile, type FileDto } from './files.dto.js';
import { FilesRepository } from './files.repository.js';

@Injectable()
export class FilesService {
  private readonly logger = new Logger('Files');

  constructor(
    private readonly files: FilesRepository,
    private readonly inspector: FileInspector,
    private readonly storage: FileStorage,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** @throws as FileInspector.inspect */
  async add(upload: Upload): Promise<FileDto> {
    const facts = await this.inspector.inspect(upload);
    const { name, sizeBytes, sha256 } = upload;
    const createdBy = currentTenantActor().userId;
    const file = { id: upload.key.id, name, sizeBytes, sha256, ...facts, createdBy, createdAt: new Date() };
    upload.keep();
    await this.db.run(async () => {
      await this.files.add(file);
      const payload = { name, mimeType: facts.mimeType, sizeBytes };
      await this.events.publish('file.created', { resourceType: 'file', resourceId: file.id, payload });
    });
    return shownFile(file);
  }

  /** @throws NotFound */
  async get(id: string): Promise<FileDto> {
    return shownFile(await this.require(id));
  }

  /** @throws NotFound, DomainError 416 */
  async content(id: string, request: Request, response: Response): Promise<void> {
    await answerContent(await this.require(id), this.storage, request, response);
  }

  /** For its uploader, owners and admins. The messages that used it keep its name. @throws NotFound, AccessDenied */
  async remove(id: string): Promise<void> {
    const { userId, role, tenantId } = currentTenantActor();
    await this.db.run(async () => {
      const file = await this.require(id);
      if (file.createdBy !== userId && role !== 'owner' && role !== 'admin')
        throw new AccessDenied('Only who uploaded a file, an owner or an admin may delete it');
      if (!(await this.files.remove(id))) throw new NotFound('File');
      await this.events.publish('file.deleted', { resourceType: 'file', resourceId: id, payload: {} });
      this.db.afterCommit(() => void this.deleteBytes(tenantId, id));
    });
  }

  private async require(id: string): Promise<StoredFile> {
    const file = await this.files.findVisible(id);
    if (!file) throw new NotFound('File');
    return file;
  }

  private async deleteBytes(tenantId: string, id: string): Promise<void> {
    try {
      await this.storage.delete({ tenantId, id });
    } catch (error) {
      this.logger.warn({ err: error }, 'The bytes of a deleted file could not be deleted yet; the sweeper will');
    }
  }
}
