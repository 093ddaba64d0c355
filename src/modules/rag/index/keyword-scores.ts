import type { Piece } from './pieces.js';
import { eachPosting } from './postings.js';

/** The usual values of BM25: how soon repetitions count no more, and how much long chunks are held back. */
const K1 = 1.2;
const B = 0.75;

/** Chunks that are read together: a segment, or what one version brought. */
export interface Source {
  pieces: readonly Piece[];
  chunkCount: number;
}

/** The postings of one word in one of the sources. */
export interface TermPostings {
  source: number;
  count: number;
  postings: Buffer;
}

export interface CollectionStatistics {
  chunkCount: number;
  termTotal: number;
}

export interface Candidate {
  number: number;
  position: number;
  score: number;
}

/** BM25 over the sources of one collection. Versions in `dropped` do not count, as if they were in no source. */
export class KeywordScores {
  private readonly bases: number[] = [];
  private readonly chunkCount: number;
  private made: Float64Array | null = null;
  /** For sources with dropped versions, which of their chunks are of these. */
  private readonly gone: (Uint8Array | null)[];

  constructor(
    private readonly sources: readonly Source[],
    private readonly statistics: CollectionStatistics,
    private readonly dropped: ReadonlySet<number>,
  ) {
    let total = 0;
    for (const { chunkCount } of sources) {
      this.bases.push(total);
      total += chunkCount;
    }
    this.chunkCount = total;
    this.gone = sources.map((source) => goneIn(source, dropped));
  }

  /** Of each chunk; not made where words are only counted. */
  private get scores(): Float64Array {
    return (this.made ??= new Float64Array(this.chunkCount));
  }

  /**
   * A word of the query, which has it `weight` times, with all its postings. Words add up in the order of these calls.
   * Returns how many chunks have it.
   */
  add(weight: number, lists: readonly TermPostings[]): number {
    const { chunkCount, termTotal } = this.statistics;
    if (lists.length === 0) return 0;
    const having = lists.reduce((sum, list) => sum + this.living(list), 0);
    const rarity = Math.log(1 + Math.max(0, chunkCount - having + 0.5) / (having + 0.5));
    const factor = weight * rarity * (K1 + 1);
    const average = chunkCount > 0 ? Math.max(1, termTotal / chunkCount) : 1;
    const [fixed, byLength] = [K1 * (1 - B), (K1 * B) / average];
    const { scores } = this;
    for (const { source, postings } of lists) {
      const base = this.bases[source] ?? 0;
      eachPosting(postings, (chunk, frequency, length) => {
        const at = base + chunk;
        scores[at] = (scores[at] ?? 0) + (factor * frequency) / (frequency + fixed + byLength * length);
      });
    }
    return having;
  }

  /** The best `most`, the best first; only of versions in `allowed`, where that is given. */
  best(most: number, allowed: ReadonlySet<number> | null): Candidate[] {
    const best = new Best(most);
    const { scores } = this;
    this.sources.forEach(({ pieces }, source) => {
      let at = this.bases[source] ?? 0;
      for (const { number, position, count } of pieces) {
        const isIn = !this.dropped.has(number) && (allowed === null || allowed.has(number));
        for (let n = 0; isIn && n < count; n++) {
          const score = scores[at + n] ?? 0;
          if (score > best.least) best.add({ number, position: position + n, score });
        }
        at += count;
      }
    });
    return best.take();
  }

  private living({ source, count, postings }: TermPostings): number {
    const gone = this.gone[source];
    if (!gone) return count;
    let living = 0;
    eachPosting(postings, (chunk) => {
      if (gone[chunk] === 0) living++;
    });
    return living;
  }
}

function goneIn({ pieces, chunkCount }: Source, dropped: ReadonlySet<number>): Uint8Array | null {
  if (dropped.size === 0 || !pieces.some(({ number }) => dropped.has(number))) return null;
  const gone = new Uint8Array(chunkCount);
  let at = 0;
  for (const { number, count } of pieces) {
    if (dropped.has(number)) gone.fill(1, at, at + count);
    at += count;
  }
  return gone;
}

/** The best of many; sorts now and then, which is less than keeping order all the time. */
class Best {
  /** What another has to have more than. */
  least = 0;
  private kept: Candidate[] = [];

  constructor(private readonly most: number) {}

  add(candidate: Candidate): void {
    this.kept.push(candidate);
    if (this.kept.length >= 4 * this.most + 100) this.trim();
  }

  take(): Candidate[] {
    this.trim();
    return this.kept;
  }

  private trim(): void {
    this.kept.sort(better);
    this.kept.length = Math.min(this.kept.length, this.most);
    // Of those alike the ones that come first are taken, wherever they are stored: an equal one may still come.
    if (this.kept.length === this.most) this.least = (this.kept.at(-1)?.score ?? 0) * (1 - Number.EPSILON);
  }
}

function better(a: Candidate, b: Candidate): number {
  return b.score - a.score || a.number - b.number || a.position - b.position;
}
