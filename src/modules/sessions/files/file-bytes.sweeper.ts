import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { FileStorage } from '../../../platform/storage/file-storage.js';
import { deleteOrphanedBytes } from '../../../platform/storage/orphaned-bytes.js';
import { FilesRepository } from './files.repository.js';

const EVERY_MS = 3_600_000;

/** Deletes bytes whose row never came or is gone: of requests and processes that ended in between. */
@Injectable()
export class FileBytesSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: new Logger('FileBytesSweeper'),
    pass: () => this.sweep(),
  });

  constructor(
    private readonly files: FilesRepository,
    private readonly storage: FileStorage,
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
      runAs(Actor.system('bytes without a file'), () => this.files.withoutFile(keys)),
    );
  }
}
