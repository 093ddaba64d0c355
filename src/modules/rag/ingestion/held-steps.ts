import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { Collection } from '../collections/collection.js';
import { CollectionsRepository } from '../collections/collections.repository.js';
import type { KnownDocument } from '../documents/document.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { DocumentNews } from './document-news.js';
import type { Ingestion } from './ingestion.js';
import { IngestionStopped, type IngestionHold } from './ingestion-hold.js';
import { IngestionsRepository } from './ingestions.repository.js';

/** What a step of an ingestion may change. */
export interface HeldStep {
  /** Locked. */
  document: KnownDocument;
  /** Locked where the step has asked for it. */
  collection: Collection;
  /** That the ingestion has come to. */
  stage: Ingestion['stage'];
}

/** Steps of an ingestion, each a transaction that nobody makes but its holder. */
@Injectable()
export class HeldSteps {
  constructor(
    private readonly ingestions: IngestionsRepository,
    private readonly documents: DocumentsRepository,
    private readonly collections: CollectionsRepository,
    private readonly news: DocumentNews,
    private readonly db: Db,
  ) {}

  /**
   * Stores a step, and then shows the document as it has become. `locked`: the collection is changed as well.
   * @throws IngestionStopped when another holds the ingestion, or what it is of was deleted
   */
  async store<T>(hold: IngestionHold, fn: (step: HeldStep) => Promise<T>, { locked = false } = {}): Promise<T> {
    const { documentId, collectionId } = hold.ingestion;
    return this.db
      .run(async () => {
        const [collection, document, stage] = await this.begin(hold, collectionId, documentId, locked);
        if (!collection || !document || !stage) throw new IngestionStopped('lost');
        const result = await fn({ collection, document, stage });
        const reading = this.documents.find(documentId);
        this.db.commitNow();
        const after = await reading;
        if (after) this.db.afterCommit(() => this.news.changed(after));
        return result;
      })
      .catch((error: unknown) => {
        if (error instanceof IngestionStopped) hold.stop(error.kind);
        throw error;
      });
  }

  private begin(hold: IngestionHold, collectionId: string, documentId: string, locked: boolean) {
    // One behind the other, so that whoever waits does so in this order, as those do who delete or reindex documents.
    return Promise.all([
      locked ? this.collections.lock(collectionId) : this.collections.find(collectionId),
      this.documents.lock(documentId),
      this.ingestions.keepHold(hold.ingestion.id, hold.fence),
    ]);
  }
}
