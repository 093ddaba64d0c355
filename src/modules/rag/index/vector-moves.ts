import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { IndexedSpace } from './vector-space.js';
import { VectorMovesRepository } from './vector-moves.repository.js';
import { VectorsRepository } from './vectors.repository.js';

/** A transaction of moves is to take about so long: in the embedded database all others wait for it. */
const BATCH_MS = 100;
/** Moved in one transaction at first, and at most: by small steps into an index, whose first entries are quick. */
const INTO_INDEX = { first: 20, most: 200 };
const WITHOUT_INDEX = { first: 2_000, most: 5_000 };
/** A space with an index moves its new vectors when they are this part of what is searched exactly. */
const REST = 1 / 8;
/** So many times as much is searched exactly while documents are coming: they come faster, and one index is made of all. */
const GROWING = 16;

interface MoveOptions {
  /** The bucket for a space that has none yet. */
  leastUsed: () => Promise<number>;
  /** Makes an index before there is anything to put into it: no transaction is long then, but all take several times as long. */
  byRows: boolean;
  signal: AbortSignal;
}

/**
 * Takes the vectors of a space to a bucket with an index, once they are too many to be compared one by one. Writing
 * vectors then costs no more than a row each, and a search of a large space reads the index and the few that are new.
 */
@Injectable()
export class VectorMoves {
  constructor(
    private readonly moves: VectorMovesRepository,
    private readonly vectors: VectorsRepository,
    private readonly db: Db,
  ) {}

  /** Of the current tenant, where more than `limit` are not in an index yet. */
  async moveLarge(space: IndexedSpace, limit: number, { leastUsed, byRows, signal }: MoveOptions): Promise<void> {
    const placed = await this.vectors.bucketOf(space);
    const isIndexed = placed !== null && (await this.moves.hasIndex(space.dimensions, placed));
    // With a bucket that has no index, a process has ended in between, or another one is at it.
    const isUnderWay = placed !== null && !isIndexed;
    if (!isUnderWay && !(await this.isTime(space, limit, isIndexed))) return;
    const bucket = await this.bucketFor(space, placed ?? (await leastUsed()));
    if (bucket === null) return;
    if (byRows) await this.makeIndex(space, bucket, signal);
    const hasIndex = isIndexed || (await this.moves.hasIndex(space.dimensions, bucket));
    if (!hasIndex) {
      // Until another process has made it meanwhile.
      await this.moveAll(space, bucket, WITHOUT_INDEX, signal, async () =>
        this.moves.hasIndex(space.dimensions, bucket),
      );
      await this.makeIndex(space, bucket, signal);
    } else await this.moveAll(space, bucket, INTO_INDEX, signal);
  }

  /** One that is broken off is made the next time. */
  private async makeIndex({ dimensions }: IndexedSpace, bucket: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await this.moves.makeIndex(dimensions, bucket, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  private async isTime(space: IndexedSpace, limit: number, isIndexed: boolean): Promise<boolean> {
    const [place] = await this.vectors.place([space]);
    if (!place || place.tables.length === 0) return false;
    if (!(await this.moves.hasMoreThan(space, Math.ceil(limit * (isIndexed ? REST : 1))))) return false;
    return !(await this.moves.isGrowing(space.collectionId)) || this.moves.hasMoreThan(space, limit * GROWING);
  }

  private async moveAll(
    space: IndexedSpace,
    bucket: number,
    step: typeof INTO_INDEX,
    signal: AbortSignal,
    isEnough: () => Promise<boolean> = async () => false,
  ): Promise<void> {
    let most = step.first;
    while (!signal.aborted && !(await isEnough())) {
      const begin = performance.now();
      const moved = await this.db.run(() => this.moves.move(space, bucket, most));
      if (moved === 0) return;
      const fitting = Math.round((most * BATCH_MS) / (performance.now() - begin));
      most = Math.min(step.most, 2 * most, Math.max(2, fitting));
    }
  }

  /** Another process may have given it one meanwhile. Null: the space is gone. */
  private async bucketFor(space: IndexedSpace, wanted: number): Promise<number | null> {
    await this.vectors.prepare(space.dimensions, wanted);
    await this.moves.setBucket(space, wanted);
    const bucket = await this.vectors.bucketOf(space);
    if (bucket !== null && bucket !== wanted) await this.vectors.prepare(space.dimensions, bucket);
    return bucket;
  }
}
