import { Injectable, Logger } from '@nestjs/common';
import { DomainError, TimedOut } from '../../../contracts/errors.js';
import { WorkExceeded } from '../../../platform/compute/bounded-work.js';
import { DocumentUnreadable } from '../../../platform/documents/document-parser.js';
import { Events } from '../../../platform/events/events.js';
import { BytesMissing } from '../../../platform/storage/file-storage.js';
import { spacesOf } from '../collections/collection.js';
import { CollectionsRepository } from '../collections/collections.repository.js';
import { ChunksRepository } from '../documents/chunks.repository.js';
import type { DocumentError, KnownDocument } from '../documents/document.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { KnowledgeIndex } from '../index/knowledge-index.service.js';
import { SourceUnusable } from './document-source.js';
import { GarbageRepository } from './garbage.repository.js';
import { HeldSteps, type HeldStep } from './held-steps.js';
import type { IngestionHold } from './ingestion-hold.js';
import { Ingestions } from './ingestions.service.js';
import { IngestionsRepository } from './ingestions.repository.js';

/** Waits between tries that stored nothing; the last one is repeated. */
const WAITS_MS = [1_000, 5_000, 15_000, 60_000, 180_000, 600_000];
/** So many tries, over some six hours: a provider that is down at night is back in the morning. */
const MOST_TRIES = 40;
/** Of what is read, within some five minutes: who gave an address that answers nothing is to be told. */
const READING_TRIES = 5;
/** Where nobody knows what went wrong. */
const UNEXPECTED_TRIES = 3;
const LONGEST_WAIT_MS = 600_000;
const LOST: DocumentError = {
  code: 'worker_lost',
  message: 'Five workers in a row were lost while they read this document',
};

/** How taking a document in ends: it can be found, it failed, or it is tried again later. */
@Injectable()
export class IngestionEnding {
  private readonly logger = new Logger('Ingestion');

  constructor(
    private readonly steps: HeldSteps,
    private readonly ingestions: IngestionsRepository,
    private readonly asked: Ingestions,
    private readonly documents: DocumentsRepository,
    private readonly collections: CollectionsRepository,
    private readonly chunks: ChunksRepository,
    private readonly garbage: GarbageRepository,
    private readonly index: KnowledgeIndex,
    private readonly events: Events,
  ) {}

  /**
   * The document is found as soon as the vectors that serve are there. False: vectors are missing still, of chunks with
   * the same text as others, of the space that is being filled, or since the collection has got another model meanwhile.
   */
  async complete(hold: IngestionHold): Promise<boolean> {
    return this.steps.store(hold, (step) => this.completeIn(hold, step), { locked: true });
  }

  /** The same within a step that has locked the collection. */
  async completeIn({ ingestion }: IngestionHold, { document, collection }: HeldStep): Promise<boolean> {
    const { id, collectionId } = ingestion;
    const { number, nextNumber } = document;
    const version = nextNumber ?? number;
    for (const [at, space] of spacesOf(collection).entries()) {
      if (version !== null && (await this.index.lacksVectors({ collectionId, ...space }, version))) return false;
      if (at === 0 && nextNumber !== null) await this.goLive(document, nextNumber);
    }
    await this.ingestions.remove(id);
    if (collection.nextSpaceId !== null) await this.asked.moveIfDone(collectionId);
    return true;
  }

  async giveUpLost(hold: IngestionHold): Promise<void> {
    await this.fail(hold, LOST);
  }

  /** What went wrong: tried again where that may help, else the document has failed. */
  async settle(hold: IngestionHold, error: unknown): Promise<void> {
    const wait = await this.waitOf(hold, error);
    if (wait === null) {
      await this.fail(hold, this.faultOf(error));
      return;
    }
    await this.ingestions.putOff(hold.ingestion.id, hold.fence, wait);
    const { documentId } = hold.ingestion;
    this.logger.warn(
      { documentId, reason: (error as Error).message, waitMs: wait },
      'An ingestion is tried again later',
    );
  }

  private async goLive({ id, collectionId, ...before }: KnownDocument, version: number): Promise<void> {
    const { chunkCount, termTotal } = await this.chunks.totals(collectionId, version);
    const payload = { collectionId, chunks: chunkCount };
    await Promise.all([
      this.documents.goLive(id, { chunkCount, termTotal }),
      this.collections.count(collectionId, {
        chunks: chunkCount - before.chunkCount,
        terms: termTotal - before.termTotal,
      }),
      this.garbage.addVersions(collectionId, [before.number]),
      this.events.publish('document.ready', { resourceType: 'document', resourceId: id, payload }),
    ]);
  }

  /** Null: another try would end the same. */
  private async waitOf({ ingestion }: IngestionHold, error: unknown): Promise<number | null> {
    const isUnexpected = !isKnown(error);
    if (!isUnexpected && !mayPass(error)) return null;
    const { failures } = (await this.ingestions.find(ingestion.id)) ?? ingestion;
    const isReading = ingestion.stage === 'parse';
    const most = isUnexpected ? UNEXPECTED_TRIES : isReading ? READING_TRIES : MOST_TRIES;
    if (failures >= most) return null;
    const { retryAfter = 0 } = error instanceof DomainError ? error : {};
    return Math.min(LONGEST_WAIT_MS, Math.max(WAITS_MS[failures] ?? LONGEST_WAIT_MS, retryAfter * 1_000));
  }

  private async fail(hold: IngestionHold, error: DocumentError): Promise<void> {
    const { id, collectionId, documentId } = hold.ingestion;
    await this.steps.store(
      hold,
      async ({ document, collection, stage }) => {
        const { number, nextNumber, progress } = document;
        if (number !== null) {
          await this.documents.dropNextNumber(documentId);
          await this.garbage.addVersions(collectionId, [nextNumber]);
        }
        // Of a document that is found already, new vectors alone may be missing; it stays as it is.
        if (number === null || nextNumber !== null || stage === 'parse') {
          await this.documents.showState(documentId, 'failed', progress, error);
          const payload = { collectionId, code: error.code };
          await this.events.publish('document.failed', { resourceType: 'document', resourceId: documentId, payload });
        } else this.logger.warn({ documentId, code: error.code }, error.message);
        // What is found by the vectors that serve has to be among the new ones before they take over.
        if (number !== null && collection.nextSpaceId !== null)
          await this.ingestions.turnToEmbedding(id, LONGEST_WAIT_MS);
        else await this.ingestions.remove(id);
        await this.asked.moveIfDone(collectionId);
      },
      { locked: true },
    );
  }

  private faultOf(error: unknown): DocumentError {
    if (error instanceof DocumentUnreadable || error instanceof SourceUnusable)
      return { code: error.code, message: error.message };
    if (error instanceof WorkExceeded)
      return { code: 'too_complex', message: `Reading it takes more ${error.of} than it may; split it and try again` };
    if (error instanceof BytesMissing)
      return { code: 'bytes_missing', message: 'Its bytes are gone; delete the document and upload the file again' };
    if (error instanceof DomainError) {
      const reason = error.details['reason'];
      return { code: typeof reason === 'string' ? reason : error.code, message: error.message };
    }
    this.logger.error({ err: error }, 'A document could not be taken in');
    return { code: 'internal_error', message: 'Something went wrong inside Atrium' };
  }
}

/** What we have a name for. Anything else, such as a deadlock in the database, may be another thing the next time. */
function isKnown(error: unknown): boolean {
  return [DomainError, DocumentUnreadable, SourceUnusable, WorkExceeded, BytesMissing].some(
    (kind) => error instanceof kind,
  );
}

function mayPass(error: unknown): error is DomainError {
  return error instanceof TimedOut || (error instanceof DomainError && error.status === 503);
}
