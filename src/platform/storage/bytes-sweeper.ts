import { Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../access/actor.js';
import { runAs } from '../access/scope.js';
import type { Settings } from '../config/settings.js';
import { RepeatedPass } from '../jobs/repeated-pass.js';
import type { FileStorage, StorageKey } from './file-storage.js';

const EVERY_MS = 3_600_000;
/** Longer than any upload takes from its first byte to its row. */
const UNCLAIMED_MS = 24 * 3_600_000;
const BATCH = 1_000;

/** Deletes bytes whose row never came or is gone: of requests and processes that ended in between. */
export abstract class BytesSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: new Logger(this.constructor.name),
    pass: () => this.sweep(),
  });
  private isStopping = false;

  /** @param rowless outside all tenants; of these keys those without a row */
  protected constructor(
    private readonly storage: FileStorage,
    private readonly settings: Settings,
    private readonly rowless: (keys: StorageKey[]) => Promise<StorageKey[]>,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    await this.passes.stop();
  }

  async sweep(): Promise<undefined> {
    const before = new Date(Date.now() - UNCLAIMED_MS);
    await this.storage.deleteDrafts(before);
    let batch: StorageKey[] = [];
    for await (const { key, storedAt } of this.storage.all()) {
      if (this.isStopping) return;
      if (storedAt < before) batch.push(key);
      if (batch.length < BATCH) continue;
      await this.deleteRowless(batch);
      batch = [];
    }
    await this.deleteRowless(batch);
  }

  private async deleteRowless(keys: StorageKey[]): Promise<void> {
    if (keys.length === 0) return;
    const rowless = await runAs(Actor.system('bytes without a row'), () => this.rowless(keys));
    for (const key of rowless) await this.storage.delete(key);
  }
}
