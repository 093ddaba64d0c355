import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { RepeatedPass } from '../../platform/jobs/repeated-pass.js';
import { ArchiveStorage, type StorageKey } from '../../platform/storage/file-storage.js';
import { WorkspaceArchives } from './workspace-archives.js';
import { WorkspaceFolders, type FolderKey } from './workspace-folders.js';
import { WorkspaceTurns, type Turn } from './workspace-turns.js';
import { WorkspacesRepository } from './workspaces.repository.js';

const EVERY_MS = 10_000;
const LEFTOVERS_EVERY_MS = 3_600_000;
const AGAIN_AFTER_FAILURE_S = 300;
const BATCH = 20;
/** Longer than anything here takes from its first byte to its row. */
const UNCLAIMED_MS = 24 * 3_600_000;
const KEYS_AT_ONCE = 1_000;

/**
 * Takes the files of sessions to where they belong: archived ones into the archive, those of deleted sessions away when
 * their time is over. Counts what those who died have left uncounted, and deletes what belongs to nobody.
 */
@Injectable()
export class WorkspacesSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('WorkspacesSweeper');
  private readonly stopping = new AbortController();
  private readonly passes = new RepeatedPass({ everyMs: EVERY_MS, logger: this.logger, pass: () => this.sweep() });
  private readonly leftovers = new RepeatedPass({
    everyMs: LEFTOVERS_EVERY_MS,
    logger: this.logger,
    pass: () => this.deleteLeftovers(),
  });

  constructor(
    private readonly workspaces: WorkspacesRepository,
    private readonly folders: WorkspaceFolders,
    private readonly archives: WorkspaceArchives,
    private readonly storage: ArchiveStorage,
    private readonly turns: WorkspaceTurns,
  ) {}

  onApplicationBootstrap(): void {
    this.passes.start();
    this.leftovers.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort(new Error('The process is stopping'));
    await Promise.all([this.passes.stop(), this.leftovers.stop()]);
  }

  /** There is something to do. */
  kick(): void {
    this.passes.kick();
  }

  async sweep(): Promise<undefined> {
    const seen = new Set<string>();
    while (!this.stopping.signal.aborted) {
      const due = await runAs(Actor.system('working directories that are due'), () => this.workspaces.due(BATCH));
      const fresh = due.filter(({ sessionId }) => !seen.has(sessionId));
      for (const key of fresh) {
        seen.add(key.sessionId);
        await this.settle(key);
      }
      // What could not be settled now is there at the next pass.
      if (fresh.length === 0 || due.length < BATCH) return;
    }
  }

  async deleteLeftovers(): Promise<undefined> {
    const before = new Date(Date.now() - UNCLAIMED_MS);
    await this.folders.deleteDrafts(before);
    await this.storage.deleteDrafts(before);
    for await (const keys of inBatches(this.storage.all(), ({ key, storedAt }) => (storedAt < before ? key : null)))
      await this.deleteArchives(keys);
    for await (const keys of inBatches(this.folders.all(), ({ key, changedAt }) => (changedAt < before ? key : null)))
      await this.deleteFolders(keys);
  }

  private async settle({ tenantId, sessionId }: FolderKey): Promise<void> {
    const { signal } = this.stopping;
    await runAs(Actor.job(tenantId), async () => {
      try {
        // Counting, if it is that, is what every turn begins with.
        await this.turns.take(sessionId, (turn) => this.carryOut(turn), { signal });
      } catch (error) {
        if (signal.aborted) return;
        this.logger.warn({ err: error, tenantId, sessionId }, 'A working directory could not be put where it belongs');
        await this.workspaces.postpone(sessionId, AGAIN_AFTER_FAILURE_S);
      }
    });
  }

  private async carryOut(turn: Turn): Promise<void> {
    const { isDue, wanted } = turn.row;
    if (!isDue) return;
    if (wanted === 'archive') await this.archives.putAway(turn);
    else if (wanted === 'nothing') await this.archives.erase(turn);
    else await this.workspaces.setDue(turn.row, null);
  }

  private async deleteArchives(keys: StorageKey[]): Promise<void> {
    const left = await runAs(Actor.system('archives of no session'), () => this.workspaces.unnamed(keys));
    for (const key of left) await this.storage.delete(key);
  }

  private async deleteFolders(keys: FolderKey[]): Promise<void> {
    const left = await runAs(Actor.system('folders of no session'), () => this.workspaces.withoutRow(keys));
    for (const key of left) await this.folders.remove(key);
  }
}

async function* inBatches<Item, Key>(
  items: AsyncIterable<Item>,
  keyOf: (item: Item) => Key | null,
): AsyncGenerator<Key[]> {
  let batch: Key[] = [];
  for await (const item of items) {
    const key = keyOf(item);
    if (key !== null) batch.push(key);
    if (batch.length < KEYS_AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
