import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { FileStorage, type StorageKey } from '../../../platform/storage/file-storage.js';
import { FilesRepository } from './files.repository.js';

const EVERY_MS = 3_600_000;
/** Longer than any upload takes from its first byte to its row. */
const UNCLAIMED_MS = 24 * 3_600_000;
const BATCH = 1_000;

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
    const before = new Date(Date.now() - UNCLAIMED_MS);
    await this.storage.deleteDrafts(before);
    let batch: StorageKey[] = [];
    for await (const { key, storedAt } of this.storage.all()) {
      if (storedAt < before) batch.push(key);
      if (batch.length < BATCH) continue;
      await this.deleteOrphans(batch);
      batch = [];
    }
    await this.deleteOrphans(batch);
  }

  private async deleteOrphans(keys: StorageKey[]): Promise<void> {
    if (keys.length === 0) return;
    const orphans = await runAs(Actor.system('bytes without a file'), () => this.files.withoutFile(keys));
    for (const key of orphans) await this.storage.delete(key);
  }
}
