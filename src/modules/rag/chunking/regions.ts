import type { Outline } from './outline.js';
import { bytesBetween } from './text-bytes.js';

/** A stretch of the text that is cut for itself: no chunk reaches out of it. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

/** A section of no more than this part of a chunk's size is joined with its neighbours. */
const TINY = 1 / 4;

const NONE = -2;

/**
 * Parts a text along its headings. A section that fits into a chunk with all below it is one region; of one that does
 * not, what stands before its first subsection is one, and each of these in turn. Neighbours below the same heading are
 * joined while they fit, if one of the two is tiny; so a heading stays with what it is above.
 */
export class Regions {
  private readonly found: Region[] = [];
  /** Bytes before each section. */
  private readonly before: number[] = [];
  private readonly total: number;
  /** `heading`: the section whose own text, up to its first subsection, it ends with. */
  private pending: Region & { bytes: number; heading: number } = { start: 0, end: 0, bytes: 0, heading: NONE };

  private readonly text: string;
  private readonly outline: Outline;
  private readonly budget: number;

  // No parameter properties: this runs in threads, which take types away and nothing else.
  private constructor(text: string, outline: Outline, budget: number) {
    this.text = text;
    this.outline = outline;
    this.budget = budget;
    let bytes = 0;
    let from = 0;
    for (const start of outline.starts) {
      bytes += bytesBetween(text, from, start);
      this.before.push(bytes);
      from = start;
    }
    this.total = bytes + bytesBetween(text, from, text.length);
  }

  static of(text: string, outline: Outline, budget: number): Region[] {
    const regions = new Regions(text, outline, budget);
    const first = outline.starts[0] ?? text.length;
    regions.join(first, regions.before[0] ?? regions.total);
    regions.siblings(0, outline.length);
    regions.flush();
    return regions.found;
  }

  private siblings(from: number, to: number): void {
    for (let index = from; index < to; index = this.outline.next(index)) this.section(index);
  }

  private section(index: number): void {
    const next = this.outline.next(index);
    const bytes = this.bytesFrom(index, next);
    if (bytes <= this.budget) {
      this.join(this.startOf(next), bytes);
      return;
    }
    // What is pending is kept apart from a section that is cut itself, except for the heading right above.
    if (this.pending.heading !== index - 1 || !this.isTiny(this.pending.bytes)) this.flush();
    this.extend(this.startOf(index + 1), this.bytesFrom(index, index + 1), index);
    this.siblings(index + 1, next);
    this.flush();
  }

  /** Takes up a stretch of text right after the last one. */
  private join(end: number, bytes: number): void {
    const { pending } = this;
    const goTogether = this.isTiny(Math.min(pending.bytes, bytes)) && pending.bytes + bytes <= this.budget;
    if (!goTogether) this.flush();
    this.extend(end, bytes, NONE);
  }

  private extend(end: number, bytes: number, heading: number): void {
    const { start, bytes: before } = this.pending;
    this.pending = { start, end, bytes: before + bytes, heading };
  }

  private isTiny(bytes: number): boolean {
    return bytes <= this.budget * TINY;
  }

  private flush(): void {
    if (this.pending.bytes > 0) this.found.push({ start: this.pending.start, end: this.pending.end });
    this.pending = { start: this.pending.end, end: this.pending.end, bytes: 0, heading: NONE };
  }

  private startOf(index: number): number {
    return this.outline.starts[index] ?? this.text.length;
  }

  private bytesFrom(index: number, next: number): number {
    return (this.before[next] ?? this.total) - (this.before[index] ?? 0);
  }
}
