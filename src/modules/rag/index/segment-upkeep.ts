import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { decodePieces } from './pieces.js';
import { SegmentMerges } from './segment-merges.js';
import { SegmentsRepository, type FreshKey, type SegmentKey } from './segments.repository.js';

/** Chunks of one new segment. */
const MOST_FRESH = 2_000;
/** So many of about one size become one that is as much larger. */
const OF_ONE_SIZE = 4;
/** Beyond it a segment grows no more: a merge is then as long as it gets. */
const LARGEST = 65_536;
/** The part of a segment that may be of dropped versions. */
const DROPPED_PART = 0.2;
const ROWS = 2_000;
const GIVEN_UP_AFTER_MS = 10 * 60_000;
/** Segments that are made of what is new before other collections have their turn. */
const MOST_ROUNDS = 5;

/** Keeps the postings of a collection in few segments: a search reads each word once in each of them. */
@Injectable()
export class SegmentUpkeep {
  constructor(
    private readonly segments: SegmentsRepository,
    private readonly merges: SegmentMerges,
    private readonly db: Db,
  ) {}

  /** Of the current tenant. Says whether there is more to do. */
  async tidy(collectionId: string, signal: AbortSignal): Promise<boolean> {
    await this.segments.giveUp(collectionId, new Date(Date.now() - GIVEN_UP_AFTER_MS));
    const hasMore = await this.mergeFresh(collectionId, signal);
    await this.leaveOutDropped(collectionId, signal);
    await this.mergeSegments(collectionId, signal);
    await this.clear(collectionId, signal);
    return hasMore;
  }

  /** What comes meanwhile is left for the next time, when it is more: each segment costs every search. */
  private async mergeFresh(collectionId: string, signal: AbortSignal): Promise<boolean> {
    for (let round = 0; round < MOST_ROUNDS && !signal.aborted; round++) {
      const keys = await this.segments.unclaimedFresh(collectionId, MOST_FRESH);
      const merged = firstOf(keys);
      if (merged.length > 0) await this.merges.ofFresh(collectionId, merged);
      if (merged.length === keys.length && keys.length < MOST_FRESH) return false;
    }
    return true;
  }

  private async mergeSegments(collectionId: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const ready = await this.ready(collectionId);
      const tier = [...Map.groupBy(ready, tierOf).values()].find(({ length }) => length >= OF_ONE_SIZE);
      if (!tier) return;
      const dropped = new Set(await this.segments.droppedVersions(collectionId));
      await this.merges.ofSegments(
        collectionId,
        tier.slice(0, OF_ONE_SIZE).map(({ id }) => id),
        dropped,
      );
    }
  }

  /** And forgets those of them that are in no segment. */
  private async leaveOutDropped(collectionId: string, signal: AbortSignal): Promise<void> {
    const dropped = new Set(await this.segments.droppedVersions(collectionId));
    if (dropped.size === 0) return;
    const isMerging = (await this.segments.segments(collectionId)).some(({ status }) => status === 'building');
    if (isMerging) return;
    const held = new Set<number>();
    for (const { id, chunkCount, pieces } of await this.segments.pieces(collectionId)) {
      if (signal.aborted) return;
      const gone = decodePieces(pieces).filter(({ number }) => dropped.has(number));
      const part = gone.reduce((sum, { count }) => sum + count, 0) / chunkCount;
      const isLeftOut = part > DROPPED_PART && (await this.merges.ofSegments(collectionId, [id], dropped));
      if (!isLeftOut) for (const { number } of gone) held.add(number);
    }
    await this.segments.forgetDropped(
      collectionId,
      [...dropped].filter((number) => !held.has(number)),
    );
  }

  private async clear(collectionId: string, signal: AbortSignal): Promise<void> {
    const all = await this.segments.segments(collectionId);
    for (const { id } of all.filter(({ status }) => status === 'dropped'))
      while (!signal.aborted && (await this.db.run(() => this.segments.clear(collectionId, id, ROWS))) > 0);
  }

  private async ready(collectionId: string): Promise<SegmentKey[]> {
    const all = await this.segments.segments(collectionId);
    return all.filter(({ status, isClaimed, chunkCount }) => status === 'ready' && !isClaimed && chunkCount < LARGEST);
  }
}

function firstOf(keys: readonly FreshKey[]): FreshKey[] {
  let chunks = 0;
  return keys.filter(({ chunkCount }) => {
    const isIn = chunks === 0 || chunks + chunkCount <= MOST_FRESH;
    if (isIn) chunks += chunkCount;
    return isIn;
  });
}

function tierOf({ chunkCount }: SegmentKey): number {
  return Math.floor(Math.log(Math.max(1, chunkCount)) / Math.log(OF_ONE_SIZE));
}
