import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { DocumentStorage } from '../../../platform/storage/file-storage.js';
import { deleteOrphanedBytes } from '../../../platform/storage/orphaned-bytes.js';
import { DocumentsRepository } from './documents.repository.js';

const EVERY_MS = 3_600_000;

/** Deletes bytes of documents that never came to be or are gone. */
@Injectable()
export class DocumentBytesSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: new Logger('DocumentBytesSweeper'),
    pass: () => this.sweep(),
  });

  constructor(
    private readonly documents: DocumentsRepository,
    private readonly storage: DocumentStorage,
    private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  async sweep(): Promise<undefined> {
    await deleteOrphanedBytes(this.storage, (keys) =>
      runAs(Actor.system('bytes without a document'), () => this.documents.withoutDocument(keys)),
    );
  }
}
