import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { Db } from '../../../platform/database/db.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { CollectionsRepository } from '../collections/collections.repository.js';
import { ChunksRepository } from '../documents/chunks.repository.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { KnowledgeIndex } from '../index/knowledge-index.service.js';
import { GarbageRepository, type Garbage } from './garbage.repository.js';

const EVERY_MS = 60_000;
/** A version that was given up lends its vectors to the next one, which is being made meanwhile. */
const KEPT_MS = 10 * 60_000;
/** Of a tenant, in one pass. */
const VERSIONS = 500;
/** Deleted in one transaction. */
const ROWS = 2_000;

/** Deletes what nothing finds any more: old versions of documents, old vectors, deleted collections. */
@Injectable()
export class KnowledgeSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: new Logger('KnowledgeSweeper'),
    pass: () => this.sweep(new Date(Date.now() - KEPT_MS)),
  });

  constructor(
    private readonly garbage: GarbageRepository,
    private readonly collections: CollectionsRepository,
    private readonly documents: DocumentsRepository,
    private readonly chunks: ChunksRepository,
    private readonly index: KnowledgeIndex,
    private readonly settings: Settings,
    private readonly db: Db,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  /** What was given up before then. */
  async sweep(before: Date): Promise<undefined> {
    const tenants = await runAs(Actor.system('deleted knowledge'), () => this.garbage.tenants());
    await runAs(Actor.system('repeated requests'), () => this.documents.forgetBatches());
    for (const tenantId of tenants) await runAs(Actor.job(tenantId), () => this.sweepTenant(before));
  }

  private async sweepTenant(before: Date): Promise<void> {
    for (const { id } of await this.collections.deletedBefore(before)) await this.removeCollection(id);
    for (const garbage of await this.garbage.oldest(before, VERSIONS)) await this.remove(garbage);
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
    await this.untilNone(() => this.documents.dropCollection(id, ROWS));
    await this.collections.remove(id);
  }

  /** In transactions that are short. */
  private async untilNone(drop: () => Promise<number>): Promise<void> {
    while ((await this.db.run(drop)) > 0);
  }
}
