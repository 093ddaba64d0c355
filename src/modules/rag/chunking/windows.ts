import type { Block, Blocks } from './blocks.js';
import { beginPoint, cutPoint } from './cut-points.js';
import { cutAfter, cutBefore } from './graphemes.js';
import type { Region } from './regions.js';
import { afterSpace, backward, beforeSpace, bytesBetween, forward } from './text-bytes.js';

/** In bytes. */
export interface WindowSizes {
  size: number;
  overlap: number;
}

/** Stretches of exactly the size, cut between characters. */
export function* exactWindows(text: string, { size, overlap }: WindowSizes): Generator<Region> {
  for (let start = afterSpace(text, 0, text.length); start < text.length;) {
    const limit = forward(text, start, text.length, size);
    if (limit === text.length) {
      yield { start, end: limit };
      return;
    }
    const carried = forward(text, start, limit, overlap);
    const whole = cutBefore(text, limit, start);
    const end = whole > carried ? whole : limit;
    yield { start, end };
    start = afterSpace(text, cutAfter(text, backward(text, end, start + 1, overlap), start, end), text.length);
  }
}

/**
 * Stretches of a region as large as they get without cutting what belongs together: each ends at the last good place
 * within its size, and the next begins at a good place some way before it.
 */
export function* goodWindows(text: string, region: Region, blocks: Blocks, sizes: WindowSizes): Generator<Region> {
  const last = beforeSpace(text, region.end, region.start);
  let start = afterSpace(text, region.start, last);
  let fresh = start;
  while (start < last) {
    const limit = forward(text, start, last, sizes.size);
    const end = limit === last ? last : goodEnd(text, { start, fresh, limit }, blocks, sizes.size);
    yield { start, end };
    if (end === last) return;
    fresh = afterSpace(text, end, last);
    start = goodStart(text, start, fresh, blocks, sizes);
  }
}

/** How much of the room for what is new must be used before one cuts: between blocks, and otherwise. */
const LEAST_BLOCKS = 1 / 4;
const LEAST_OTHER = 1 / 2;

/** @param at `fresh`: where begins what the window before does not hold; `limit`: as far as the size reaches. */
function goodEnd(
  text: string,
  at: { start: number; fresh: number; limit: number },
  blocks: Blocks,
  size: number,
): number {
  const { start, fresh, limit } = at;
  const block = blocks.at(limit);
  if (block && block.start > fresh && block.whole && fits(text, block, size)) return block.start;
  const carried = bytesBetween(text, start, fresh);
  const after = (part: number) => forward(text, fresh, limit, Math.ceil((size - carried) * part));
  if (block && block.start >= after(LEAST_BLOCKS) && block.start > fresh) return block.start;
  const least = Math.max(fresh + 1, after(LEAST_OTHER));
  return cutPoint(text, { start, least, most: limit }, block?.whole);
}

function goodStart(text: string, least: number, fresh: number, blocks: Blocks, sizes: WindowSizes): number {
  const first = backward(text, fresh, least + 1, sizes.overlap);
  if (first >= fresh) return fresh;
  // What must stay whole comes before a repetition.
  const block = blocks.at(fresh);
  if (block?.whole && block.start === fresh) {
    const room = sizes.size - bytesBetween(text, first, fresh);
    if (fits(text, block, sizes.size) && !fits(text, block, room)) return fresh;
  }
  const word = beginPoint(text, first, fresh);
  return word >= 0 ? word : afterSpace(text, cutAfter(text, first, least, fresh), fresh);
}

function fits(text: string, { start, end }: Block, bytes: number): boolean {
  return forward(text, start, end, bytes) === end;
}
