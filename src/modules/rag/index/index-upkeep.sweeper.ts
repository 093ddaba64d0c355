import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { SegmentUpkeep } from './segment-upkeep.js';
import { SegmentsRepository } from './segments.repository.js';
import { indexLimit } from './vector-space.js';
import { VectorMovesRepository } from './vector-moves.repository.js';
import { VectorMoves } from './vector-moves.js';

const EVERY_MS = 30_000;
/** In the embedded database an index is fifty times as slow to fill, and keeps everything else waiting meanwhile. */
const EMBEDDED_FACTOR = 10;
/** After something was added; what comes meanwhile is put in order with it. */
const SOON_MS = 1_000;

/** Puts the index in the order in which it is read fastest. What it is behind with is found as well, only slower. */
@Injectable()
export class IndexUpkeep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private readonly logger = new Logger('IndexUpkeep');
  private readonly merging = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: this.logger,
    pass: async () => ((await this.mergeAll()) ? 0 : undefined),
  });
  /** By itself, since an index takes its time, and words are to be merged meanwhile. */
  private readonly moving = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: this.logger,
    pass: () => this.moveAll(),
  });
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly segments: SegmentsRepository,
    private readonly segmentUpkeep: SegmentUpkeep,
    private readonly spaces: VectorMovesRepository,
    private readonly moves: VectorMoves,
    private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role === 'api') return;
    this.merging.start();
    this.moving.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    if (this.timer) clearTimeout(this.timer);
    await Promise.all([this.merging.stop(), this.moving.stop()]);
  }

  /** Something was added. */
  soon(): void {
    if (this.settings.role === 'api' || this.stopping.signal.aborted) return;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.merging.kick();
    }, SOON_MS).unref();
  }

  /** Until there is nothing left to do. */
  async tidy(): Promise<void> {
    while (await this.mergeAll());
    await this.moveAll();
  }

  /** Each collection for a while. Says whether there is more to do. */
  private async mergeAll(): Promise<boolean> {
    const { signal } = this.stopping;
    let hasMore = false;
    await runAs(Actor.system('statistics of knowledge'), () => this.segments.analyze());
    const collections = await runAs(Actor.system('postings to merge'), () => this.segments.collectionsWithWork());
    for (const { tenantId, collectionId } of collections)
      if (await this.of(tenantId, collectionId, () => this.segmentUpkeep.tidy(collectionId, signal))) hasMore = true;
    if (collections.length > 0) this.moving.kick();
    return hasMore && !signal.aborted;
  }

  private async moveAll(): Promise<undefined> {
    const { signal } = this.stopping;
    const byRows = this.settings.database.url === null;
    const large = await runAs(Actor.system('vectors of large collections'), () => this.spaces.largeSpaces());
    for (const { tenantId, ...space } of large) {
      const leastUsed = () =>
        runAs(Actor.system('buckets of vectors'), () => this.spaces.leastUsedBucket(space.dimensions));
      const limit = indexLimit(space.dimensions) * (byRows ? EMBEDDED_FACTOR : 1);
      const options = { leastUsed, byRows, signal };
      await this.of(tenantId, space.collectionId, () => this.moves.moveLarge(space, limit, options));
    }
  }

  /** What is wrong with one collection holds up no other. */
  private async of<T>(tenantId: string, collectionId: string, tidy: () => Promise<T>): Promise<T | undefined> {
    if (this.stopping.signal.aborted) return undefined;
    return runAs(Actor.job(tenantId), tidy).catch((error: unknown) => {
      this.logger.error({ err: error, tenantId, collectionId }, 'A collection could not be put in order');
      return undefined;
    });
  }
}
