import { Injectable, Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { NotFound, ValidationFailed } from '../../../contracts/errors.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { Cursors } from '../../../platform/http/pagination.js';
import { DocumentStorage, type StorageKey } from '../../../platform/storage/file-storage.js';
import { CollectionsRepository } from '../collections/collections.repository.js';
import { CollectionsService } from '../collections/collections.service.js';
import { DocumentNews } from '../ingestion/document-news.js';
import { GarbageRepository } from '../ingestion/garbage.repository.js';
import { Ingestions } from '../ingestion/ingestions.service.js';
import { DocumentDrafts } from './document-drafts.service.js';
import type { DocumentDraft, KnownDocument } from './document.js';
import {
  shownDocument,
  type CreateDocumentDto,
  type CreateDocumentsDto,
  type DocumentAnswerDto,
  type DocumentDto,
  type DocumentPage,
  type DocumentsAnswerDto,
  type ListDocumentsQuery,
} from './documents.dto.js';
import { DocumentsRepository } from './documents.repository.js';

@Injectable()
export class DocumentsService {
  private readonly logger = new Logger('Documents');

  constructor(
    private readonly documents: DocumentsRepository,
    private readonly drafts: DocumentDrafts,
    private readonly collections: CollectionsService,
    private readonly collectionRows: CollectionsRepository,
    private readonly ingestions: Ingestions,
    private readonly news: DocumentNews,
    private readonly garbage: GarbageRepository,
    private readonly storage: DocumentStorage,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** `isNew`: false where the same was there already. @throws ValidationFailed, DomainError 415 */
  async add({ collectionId, ...given }: CreateDocumentDto): Promise<DocumentAnswerDto & { isNew: boolean }> {
    // Said before what else may be wrong.
    if (given.file?.sizeBytes) this.drafts.requireType(given.file);
    const collection = await this.requireCollection(collectionId);
    const draft = this.drafts.draft(given);
    given.file?.keep();
    const { documents, added } = await this.addAll(collection, [draft], 'document.created');
    const isNew = added.length > 0;
    if (given.file && !isNew) await this.deleteBytes(given.file.key);
    const [document] = documents;
    if (!document) throw new NotFound('Document');
    return { document: shownDocument(document), isNew };
  }

  /** All of them or, where one is at fault, none. @throws ValidationFailed */
  async addBatch({ collectionId, documents: given }: CreateDocumentsDto): Promise<DocumentsAnswerDto> {
    const collection = await this.requireCollection(collectionId);
    const drafts = given.map((one, index) => this.drafts.draft(one, `documents[${index}].`));
    const { documents } = await this.addAll(collection, drafts, 'documentBatch.created');
    return { documents: documents.map(shownDocument) };
  }

  /** Those that one request named, in its order. @throws NotFound when one of them is gone */
  async batch(id: string): Promise<DocumentsAnswerDto> {
    const { documents, count } = await this.documents.ofBatch(id);
    if (count === 0 || documents.length < count) throw new NotFound('Documents');
    return { documents: documents.map(shownDocument) };
  }

  /** @throws NotFound */
  async get(id: string): Promise<DocumentDto> {
    return shownDocument(await this.require(id));
  }

  /** Of a collection that the caller may read. @throws NotFound */
  async require(id: string): Promise<KnownDocument> {
    const document = await this.documents.findReadable(id);
    if (!document) throw new NotFound('Document');
    return document;
  }

  async list(query: ListDocumentsQuery): Promise<DocumentPage> {
    const before = this.cursors.id(query.cursor);
    const rows = await this.documents.listReadable({ ...query, before, limit: query.limit + 1 });
    return this.cursors.page(rows, query.limit, shownDocument);
  }

  /** Reads it anew; what is found of it by now is found until that is done. @throws NotFound */
  async reindex(id: string): Promise<DocumentAnswerDto> {
    return this.db.run(async () => {
      const { collectionId } = await this.require(id);
      if (!(await this.collectionRows.lock(collectionId))) throw new NotFound('Document');
      // It may have been deleted by whoever held the lock.
      await this.require(id);
      await this.ingestions.readAgain(collectionId, [id]);
      await this.events.publish('document.reindexed', {
        ...{ resourceType: 'document', resourceId: id, payload: { collectionId } },
      });
      const document = await this.require(id);
      this.db.afterCommit(() => this.news.changed(document));
      return { document: shownDocument(document) };
    });
  }

  /** @throws NotFound */
  async remove(id: string): Promise<void> {
    const { tenantId } = currentTenantActor();
    await this.db.run(async () => {
      const { collectionId } = await this.require(id);
      if (!(await this.collectionRows.lock(collectionId))) throw new NotFound('Document');
      // As it is now that nobody else changes it.
      const document = await this.require(id);
      const { number, nextNumber, chunkCount, termTotal, source } = document;
      await this.documents.remove(id);
      await this.garbage.addVersions(collectionId, [number, nextNumber]);
      // It may have been the last that lacked vectors of the collection's new model.
      await this.ingestions.moveIfDone(collectionId);
      await this.collectionRows.count(collectionId, { documents: -1, chunks: -chunkCount, terms: -termTotal });
      await this.events.publish('document.deleted', {
        ...{ resourceType: 'document', resourceId: id, payload: { collectionId } },
      });
      if (source === 'file') this.db.afterCommit(() => void this.deleteBytes({ tenantId, id }));
    });
  }

  private async addAll(
    collectionId: string,
    drafts: readonly DocumentDraft[],
    action: 'document.created' | 'documentBatch.created',
  ): Promise<{ documents: KnownDocument[]; added: string[] }> {
    const hashes = drafts.map(({ sourceHash }) => sourceHash.toString('hex'));
    const first = new Map(drafts.map((draft, index) => [hashes[index] as string, draft] as const).reverse());
    const different = [...first.values()];
    return this.db.run(async () => {
      if (!(await this.collectionRows.lock(collectionId))) throw unknownCollection(collectionId);
      const { userId } = currentTenantActor();
      const added = await this.documents.addNew(collectionId, different, userId);
      const isNew = new Set(added);
      await this.documents.addTexts(different.filter(({ id, source }) => isNew.has(id) && source === 'text'));
      await this.ingestions.begin(collectionId, added);
      await this.collectionRows.count(collectionId, { documents: added.length });
      const known = await this.documents.bySource(collectionId, [...first.keys()]);
      const documents = hashes.flatMap((hash) => known.get(hash) ?? []);
      this.db.afterCommit(() => {
        for (const document of known.values()) if (isNew.has(document.id)) this.news.changed(document);
      });
      await this.published(action, collectionId, documents, added.length);
      return { documents, added };
    });
  }

  private async published(
    action: 'document.created' | 'documentBatch.created',
    collectionId: string,
    documents: readonly KnownDocument[],
    added: number,
  ): Promise<void> {
    const [document] = documents;
    if (action === 'documentBatch.created') {
      const payload = { collectionId, documents: added };
      const batchId = v7();
      await this.documents.addBatch({ id: batchId, collectionId, documentIds: documents.map(({ id }) => id) });
      await this.events.publish(action, { resourceType: 'documentBatch', resourceId: batchId, payload });
    } else if (added > 0 && document) {
      const payload = { collectionId };
      await this.events.publish(action, { resourceType: 'document', resourceId: document.id, payload });
    }
  }

  private async requireCollection(id: string): Promise<string> {
    const [collection] = await this.collections.readable([id]);
    if (!collection) throw unknownCollection(id);
    return collection.id;
  }

  private async deleteBytes(key: StorageKey): Promise<void> {
    try {
      await this.storage.delete(key);
    } catch (error) {
      this.logger.warn({ err: error }, 'Bytes of a document could not be deleted yet; the sweeper will');
    }
  }
}

function unknownCollection(id: string): ValidationFailed {
  return ValidationFailed.of('collectionId', 'There is no such collection', id);
}
