import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { currentTenantActor, runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { Db } from '../../../platform/database/db.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { DocumentStorage } from '../../../platform/storage/file-storage.js';
import { CollectionsRepository } from '../collections/collections.repository.js';
import { ChunksRepository } from '../documents/chunks.repository.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { KnowledgeIndex } from '../index/knowledge-index.service.js';
import { GarbageRepository, type Garbage } from './garbage.repository.js';

const EVERY_MS = 60_000;
/** A version that was given up lends its vectors to the next one, which is being made meanwhile. */
const KEPT_MS = 10 * 60_000;
/** Read at a time. */
const VERSIONS = 500;
/** Deleted in one transaction. */
const ROWS = 2_000;

/** Deletes what nothing finds any more: old versions of documents, old vectors, deleted collections. */
@Injectable()
export class KnowledgeSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('KnowledgeSweeper');
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: this.logger,
    pass: () => this.sweep(new Date(Date.now() - KEPT_MS)),
  });

  private isStopping = false;

  constructor(
    private readonly garbage: GarbageRepository,
    private readonly collections: CollectionsRepository,
    private readonly documents: DocumentsRepository,
    private readonly chunks: ChunksRepository,
    private readonly index: KnowledgeIndex,
    private readonly storage: DocumentStorage,
    private readonly settings: Settings,
    private readonly db: Db,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    await this.passes.stop();
  }

  /** What was given up before then. */
  async sweep(before: Date): Promise<undefined> {
    const tenants = await runAs(Actor.system('deleted knowledge'), () => this.garbage.tenants());
    await runAs(Actor.system('repeated requests'), () => this.documents.forgetBatches());
    for (const tenantId of tenants) {
      if (this.isStopping) return;
      await runAs(Actor.job(tenantId), () => this.sweepTenant(before)).catch((error: unknown) => {
        // What is wrong with one of them holds up no other.
        this.logger.error({ err: error, tenantId }, 'Deleted knowledge of a tenant could not be removed');
      });
    }
  }

  private async sweepTenant(before: Date): Promise<void> {
    for (const { id } of await this.collections.deletedBefore(before)) await this.removeCollection(id);
    for (;;) {
      const oldest = await this.garbage.oldest(before, VERSIONS);
      for (const garbage of oldest) {
        if (this.isStopping) return;
        await this.remove(garbage);
      }
      if (oldest.length < VERSIONS) return;
    }
  }

  private async remove({ id, collectionId, number, spaceId, dimensions }: Garbage): Promise<void> {
    if (number !== null) {
      await this.untilNone(() => this.chunks.dropVersion(collectionId, number, ROWS));
      await this.untilNone(() => this.index.dropVersion(collectionId, number, ROWS));
    } else if (spaceId !== null && dimensions !== null)
      await this.untilNone(() => this.index.dropSpace({ collectionId, spaceId, dimensions }, ROWS));
    await this.garbage.remove([id]);
  }

  private async removeCollection(id: string): Promise<void> {
    await this.untilNone(() => this.index.dropCollection(id, ROWS));
    await this.untilNone(() => this.chunks.dropCollection(id, ROWS));
    await this.removeDocuments(id);
    await this.collections.remove(id);
  }

  /** Bytes that can not be deleted now are found by the sweeper of bytes. */
  private async removeDocuments(collectionId: string): Promise<void> {
    const { tenantId } = currentTenantActor();
    for (;;) {
      const dropped = await this.db.run(() => this.documents.dropCollection(collectionId, ROWS));
      if (dropped.length === 0) return;
      for (const { id } of dropped.filter(({ source }) => source === 'file'))
        await this.storage.delete({ tenantId, id }).catch((error: unknown) => {
          this.logger.warn({ err: error }, 'Bytes of a document could not be deleted yet');
        });
    }
  }

  /** In transactions that are short. */
  private async untilNone(drop: () => Promise<number>): Promise<void> {
    while ((await this.db.run(drop)) > 0);
  }
}
