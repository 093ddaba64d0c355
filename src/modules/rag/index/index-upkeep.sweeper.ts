import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { SegmentUpkeep } from './segment-upkeep.js';
import { SegmentsRepository } from './segments.repository.js';
import { exactLimit } from './vector-space.js';
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
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: new Logger('IndexUpkeep'),
    pass: () => this.tidy(),
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
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    if (this.timer) clearTimeout(this.timer);
    await this.passes.stop();
  }

  /** Something was added. */
  soon(): void {
    if (this.settings.role === 'api' || this.stopping.signal.aborted) return;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.passes.kick();
    }, SOON_MS).unref();
  }

  async tidy(): Promise<undefined> {
    const { signal } = this.stopping;
    const collections = await runAs(Actor.system('postings to merge'), () => this.segments.collectionsWithWork());
    for (const { tenantId, collectionId } of collections)
      if (!signal.aborted) await runAs(Actor.job(tenantId), () => this.segmentUpkeep.tidy(collectionId, signal));
    const large = await runAs(Actor.system('vectors of large collections'), () => this.spaces.largeSpaces());
    for (const { tenantId, ...space } of large) {
      if (signal.aborted) return;
      const leastUsed = () =>
        runAs(Actor.system('buckets of vectors'), () => this.spaces.leastUsedBucket(space.dimensions));
      const limit = exactLimit(space.dimensions) * (this.settings.database.url === null ? EMBEDDED_FACTOR : 1);
      await runAs(Actor.job(tenantId), () => this.moves.moveLarge(space, limit, { leastUsed, signal }));
    }
  }
}
