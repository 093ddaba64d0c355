import { setImmediate as breathe } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Db } from '../../../platform/database/db.js';
import { decodeFresh } from './fresh-content.js';
import { decodePieces, type Piece } from './pieces.js';
import { eachPosting, PostingsWriter, type Postings } from './postings.js';
import { SegmentsRepository, type FreshKey, type TermRow } from './segments.repository.js';

/** Written in one transaction. */
const TERMS_AT_ONCE = 1_000;

type Terms = [term: string, postings: Postings][];

/** What goes into a new segment: a part whose chunks begin at `base` there, without those of dropped versions. */
interface Part {
  base: number;
  /** Where each chunk goes, -1 for nowhere; null: they all stay in their order. */
  places: Int32Array | null;
}

/** Makes segments of what is fresh, and larger ones of smaller ones. Searches answer the same before and after. */
@Injectable()
export class SegmentMerges {
  constructor(
    private readonly segments: SegmentsRepository,
    private readonly db: Db,
  ) {}

  async ofFresh(collectionId: string, keys: readonly FreshKey[]): Promise<void> {
    const id = v7();
    const claimed = await this.db.run(async () => {
      const fresh = await this.segments.claimFresh(collectionId, id, keys);
      if (fresh.length > 0) await this.segments.open(collectionId, id);
      return fresh;
    });
    if (claimed.length === 0) return;
    const writers = new Map<string, PostingsWriter>();
    let base = 0;
    for (const { chunkCount, content } of claimed) {
      for (const [term, postings] of decodeFresh(content)) {
        let writer = writers.get(term);
        if (!writer) writers.set(term, (writer = new PostingsWriter()));
        writer.append(postings, base);
      }
      base += chunkCount;
      await breathe();
    }
    const terms: Terms = [...writers].map(([term, writer]) => [term, writer.finish()]);
    // In the order of the index, in which they are also read.
    terms.sort(([a], [b]) => (a < b ? -1 : 1));
    for (let at = 0; at < terms.length; at += TERMS_AT_ONCE)
      await this.db.run(() => this.segments.addTerms(collectionId, id, terms.slice(at, at + TERMS_AT_ONCE)));
    const pieces = claimed.map(({ number, position, chunkCount }) => ({ number, position, count: chunkCount }));
    await this.db.run(() => this.segments.finish(collectionId, id, pieces));
  }

  /** False: others have claimed them. */
  async ofSegments(collectionId: string, ids: readonly string[], dropped: ReadonlySet<number>): Promise<boolean> {
    const id = v7();
    const claimed = await this.db.run(async () => {
      const ready = await this.segments.claimSegments(collectionId, id, ids);
      if (ready.length > 0) await this.segments.open(collectionId, id);
      return ready;
    });
    if (claimed.length === 0) return false;
    const pieces: Piece[] = [];
    const parts = new Map<string, Part>();
    let base = 0;
    for (const segment of claimed) {
      const all = decodePieces(segment.pieces);
      const left = all.filter(({ number }) => !dropped.has(number));
      parts.set(segment.id, { base, places: left.length === all.length ? null : placesOf(all, dropped) });
      base += left.reduce((sum, { count }) => sum + count, 0);
      pieces.push(...left);
    }
    const sources = claimed.map((segment) => segment.id);
    for await (const terms of this.mergedTerms(collectionId, sources, parts))
      if (terms.length > 0) await this.db.run(() => this.segments.addTerms(collectionId, id, terms));
    return this.db.run(() => this.segments.finish(collectionId, id, pieces));
  }

  private async *mergedTerms(
    collectionId: string,
    sources: readonly string[],
    parts: ReadonlyMap<string, Part>,
  ): AsyncGenerator<Terms> {
    const order = new Map(sources.map((id, at) => [id, at]));
    let after = '';
    for (;;) {
      const read = await this.segments.terms(collectionId, sources, after, TERMS_AT_ONCE);
      if (read.length === 0) return;
      // Beyond this word a segment may have others that were not read.
      const until = commonEnd(read);
      const rows = until === null ? read : read.filter(({ term }) => isNotAfter(term, until));
      const byTerm = Map.groupBy(rows, ({ term }) => term);
      const terms: Terms = [];
      for (const [term, lists] of byTerm) {
        lists.sort((a, b) => (order.get(a.segmentId) ?? 0) - (order.get(b.segmentId) ?? 0));
        const postings = mergedPostings(lists, parts);
        if (postings.count > 0) terms.push([term, postings]);
      }
      yield terms;
      if (until === null) return;
      after = until;
    }
  }
}

/** The least of the last words of those segments that may have more; null: none has. */
function commonEnd(rows: readonly TermRow[]): string | null {
  let end: string | null = null;
  for (const ofSegment of Map.groupBy(rows, ({ segmentId }) => segmentId).values()) {
    const last = ofSegment.at(-1)?.term;
    if (ofSegment.length < TERMS_AT_ONCE || last === undefined) continue;
    if (end === null || isNotAfter(last, end)) end = last;
  }
  return end;
}

/** As Postgres orders them: by their bytes. */
function isNotAfter(term: string, end: string): boolean {
  return Buffer.compare(Buffer.from(term), Buffer.from(end)) <= 0;
}

function mergedPostings(lists: readonly TermRow[], parts: ReadonlyMap<string, Part>): Postings {
  const writer = new PostingsWriter();
  for (const list of lists) {
    const { base, places } = parts.get(list.segmentId) ?? { base: 0, places: null };
    if (places === null) {
      writer.append(list, base);
      continue;
    }
    eachPosting(list.postings, (chunk, frequency, length) => {
      const place = places[chunk] ?? -1;
      if (place >= 0) writer.add(base + place, frequency, length);
    });
  }
  return writer.finish();
}

function placesOf(pieces: readonly Piece[], dropped: ReadonlySet<number>): Int32Array {
  const places: number[] = [];
  let next = 0;
  for (const { number, count } of pieces)
    for (let n = 0; n < count; n++) places.push(dropped.has(number) ? -1 : next++);
  return Int32Array.from(places);
}
