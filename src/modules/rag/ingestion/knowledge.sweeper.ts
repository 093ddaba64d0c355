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
    const hold = () => this.garbage.hold(id);
    const steps: (() => Promise<number>)[] = [];
    if (number !== null) {
      steps.push(() => this.chunks.dropVersion(collectionId, number, ROWS));
      steps.push(() => this.index.dropVersion(collectionId, number, ROWS));
    } else if (spaceId !== null && dimensions !== null)
      steps.push(() => this.index.dropSpace({ collectionId, spaceId, dimensions }, ROWS));
    for (const step of steps) if (!(await this.untilNone(hold, step))) return;
    await this.garbage.remove([id]);
  }

  private async removeCollection(id: string): Promise<void> {
    const hold = () => this.collections.holdDeleted(id);
    if (!(await this.untilNone(hold, () => this.index.dropCollection(id, ROWS)))) return;
    if (!(await this.untilNone(hold, () => this.chunks.dropCollection(id, ROWS)))) return;
    if (await this.removeDocuments(id, hold)) await this.collections.remove(id);
  }

  /** Bytes that can not be deleted now are found by the sweeper of bytes. */
  private async removeDocuments(collectionId: string, hold: () => Promise<boolean>): Promise<boolean> {
    const { tenantId } = currentTenantActor();
    let withBytes: string[] = [];
    const drop = async () => {
      const dropped = await this.documents.dropCollection(collectionId, ROWS);
      withBytes = dropped.filter(({ source }) => source === 'file').map(({ id }) => id);
      return dropped.length;
    };
    const deleteBytes = async () => {
      for (const id of withBytes)
        await this.storage.delete({ tenantId, id }).catch((error: unknown) => {
          this.logger.warn({ err: error }, 'Bytes of a document could not be deleted yet');
        });
    };
    return this.untilNone(hold, drop, deleteBytes);
  }

  /**
   * In transactions that are short, each of which holds what is being removed: of two processes at the same rows the one
   * that waited would find none left, and take all of it for done. False: not to the end, since another process is at it,
   * or this one is stopping.
   */
  private async untilNone(
    hold: () => Promise<boolean>,
    drop: () => Promise<number>,
    afterEach: () => Promise<void> = async () => undefined,
  ): Promise<boolean> {
    while (!this.isStopping) {
      const dropped = await this.db.run(async () => ((await hold()) ? drop() : null));
      if (!dropped) return dropped === 0;
      await afterEach();
    }
    return false;
  }
}
