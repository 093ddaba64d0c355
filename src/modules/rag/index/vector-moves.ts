import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { IndexedSpace } from './vector-space.js';
import { VectorMovesRepository } from './vector-moves.repository.js';
import { VectorsRepository } from './vectors.repository.js';

/** A transaction of moves is to take about so long: in the embedded database all others wait for it. */
const BATCH_MS = 100;
const MOST_AT_ONCE = 200;
/** A space with an index moves its new vectors when they are this part of what is searched exactly. */
const REST = 1 / 8;

interface MoveOptions {
  /** The bucket for a space that has none yet. */
  leastUsed: () => Promise<number>;
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
  async moveLarge(space: IndexedSpace, limit: number, { leastUsed, signal }: MoveOptions): Promise<void> {
    const [placed] = await this.vectors.place([space]);
    if (!placed || placed.tables.length === 0) return;
    const isIndexed = placed.tables.length > 1;
    if (!(await this.moves.hasMoreThan(space, Math.ceil(limit * (isIndexed ? REST : 1))))) return;
    const bucket = await this.bucketOf(space, isIndexed ? null : await leastUsed());
    if (bucket === null) return;
    let most = 20;
    while (!signal.aborted) {
      const begin = performance.now();
      const moved = await this.db.run(() => this.moves.move(space, bucket, most));
      if (moved === 0) return;
      // By small steps: the first ones into an index are quick.
      const fitting = Math.round((most * BATCH_MS) / (performance.now() - begin));
      most = Math.min(MOST_AT_ONCE, 2 * most, Math.max(2, fitting));
    }
  }

  /** Another process may have given it one meanwhile. */
  private async bucketOf(space: IndexedSpace, leastUsed: number | null): Promise<number | null> {
    if (leastUsed !== null) {
      await this.vectors.prepare(space.dimensions, leastUsed);
      await this.moves.setBucket(space, leastUsed);
    }
    const bucket = await this.vectors.bucketOf(space);
    if (bucket !== null && bucket !== leastUsed) await this.vectors.prepare(space.dimensions, bucket);
    return bucket;
  }
}
