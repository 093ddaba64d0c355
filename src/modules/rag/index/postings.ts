import { readNumber, writeNumber } from './packed-numbers.js';

/**
 * The chunks that have a word, as bytes: of each its distance from the one before, how often it has the word, and its
 * length, in seven bits a byte. A chunk is known by its place among the chunks of a segment, from 0.
 */

/** Appends one posting after another; grows as needed. */
export class PostingsWriter {
  private bytes = Buffer.allocUnsafe(16);
  private end = 0;
  private count = 0;
  private last = -1;

  add(chunk: number, frequency: number, length: number): void {
    if (this.end + 15 > this.bytes.length) this.grow(this.end + 15);
    this.end = writeNumber(this.bytes, this.end, chunk - this.last - 1);
    this.end = writeNumber(this.bytes, this.end, frequency);
    this.end = writeNumber(this.bytes, this.end, length);
    this.last = chunk;
    this.count++;
  }

  /** Those of another list, whose first chunk is the `base`th here. Without reading them one by one. */
  append({ count, last, postings }: Postings, base: number): void {
    if (count === 0) return;
    const [first, next] = readNumber(postings, 0);
    const rest = postings.length - next;
    if (this.end + rest + 5 > this.bytes.length) this.grow(this.end + rest + 5);
    this.end = writeNumber(this.bytes, this.end, base + first - this.last - 1);
    postings.copy(this.bytes, this.end, next);
    this.end += rest;
    this.last = base + last;
    this.count += count;
  }

  finish(): Postings {
    return { count: this.count, last: this.last, postings: this.bytes.subarray(0, this.end) };
  }

  private grow(needed: number): void {
    const bigger = Buffer.allocUnsafe(Math.max(2 * this.bytes.length, needed));
    this.bytes.copy(bigger, 0, 0, this.end);
    this.bytes = bigger;
  }
}

export interface Postings {
  count: number;
  /** The chunk of the last one. */
  last: number;
  postings: Buffer;
}

/** Calls back for each posting. Millions are read in a search, so it makes nothing. */
export function eachPosting(bytes: Uint8Array, use: (chunk: number, frequency: number, length: number) => void): void {
  let at = 0;
  let chunk = -1;
  const end = bytes.length;
  while (at < end) {
    let byte = bytes[at++] ?? 0;
    let distance = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[at++] ?? 0;
      distance |= (byte & 127) << shift;
    }
    byte = bytes[at++] ?? 0;
    let frequency = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[at++] ?? 0;
      frequency |= (byte & 127) << shift;
    }
    byte = bytes[at++] ?? 0;
    let length = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[at++] ?? 0;
      length |= (byte & 127) << shift;
    }
    chunk += distance + 1;
    use(chunk, frequency, length);
  }
}
