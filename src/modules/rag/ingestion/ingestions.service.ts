import { Injectable } from '@nestjs/common';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import { WorkClaims } from '../../../platform/jobs/work-claims.js';
import type { Collection, VectorSpace } from '../collections/collection.js';
import { CollectionsRepository } from '../collections/collections.repository.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { GarbageRepository } from './garbage.repository.js';
import { IngestionsRepository } from './ingestions.repository.js';

/** For the rest the sweeper rings, while these are being worked on. */
const MOST_RUNG = 1_000;

/** Asks for documents to be taken in. Everything here happens in a transaction that has locked the collection. */
@Injectable()
export class Ingestions {
  constructor(
    private readonly ingestions: IngestionsRepository,
    private readonly documents: DocumentsRepository,
    private readonly collections: CollectionsRepository,
    private readonly garbage: GarbageRepository,
    private readonly claims: WorkClaims,
    private readonly jobs: JobQueue,
  ) {}

  /** Documents that are new. */
  async begin(collectionId: string, documentIds: readonly string[]): Promise<void> {
    if (documentIds.length === 0) return;
    await this.ring(await this.ingestions.beginReading(collectionId, documentIds));
  }

  /** Documents that are there, from their bytes on. */
  async readAgain(collectionId: string, documentIds: readonly string[]): Promise<void> {
    await this.documents.queue(documentIds);
    await this.begin(collectionId, documentIds);
  }

  async readAllAgain(collectionId: string): Promise<void> {
    await this.readAgain(collectionId, await this.documents.idsOf(collectionId));
  }

  /**
   * Has vectors made of everything, by another model; they serve once all are there. Null: those that serve are to stay,
   * and others that were being made are given up.
   */
  async toSpace(collection: Collection, next: VectorSpace | null): Promise<void> {
    const { id, nextSpaceId, nextModel, nextDimensions } = collection;
    if (nextSpaceId !== null && nextModel !== null && nextDimensions !== null)
      await this.garbage.addSpace(id, { spaceId: nextSpaceId, model: nextModel, dimensions: nextDimensions });
    await this.collections.setNextSpace(id, next);
    if (next === null) return;
    await this.ring(await this.ingestions.beginEmbedding(id));
    await this.moveIfDone(id);
  }

  /** Of a collection that is deleted. */
  async giveUp(collectionId: string): Promise<void> {
    await this.ingestions.removeAllOf(collectionId);
  }

  /** The vectors of a new model serve once none is left of the documents that are found by the old ones. */
  async moveIfDone(collectionId: string): Promise<void> {
    if (await this.ingestions.anyOfLive(collectionId)) return;
    const collection = await this.collections.find(collectionId);
    if (!collection || collection.nextSpaceId === null) return;
    const { spaceId, embeddingModel, dimensions } = collection;
    await this.garbage.addSpace(collectionId, { spaceId, model: embeddingModel, dimensions });
    await this.collections.moveToNextSpace(collectionId);
  }

  private async ring(ids: readonly string[]): Promise<void> {
    const { tenantId } = currentTenantActor();
    const backlog = await this.claims.backlog('rag_ingestions');
    for (const ingestionId of ids.slice(0, MOST_RUNG))
      this.jobs.ring('document.ingest', { tenantId, ingestionId }, { backlog });
  }
}
