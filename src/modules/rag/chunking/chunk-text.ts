import { estimateTokens } from '../../models/token-estimate.js';
import { Blocks } from './blocks.js';
import type { Chunk, Chunking, ParsedText } from './chunk.js';
import { Outline } from './outline.js';
import { Regions, type Region } from './regions.js';
import { beforeSpace } from './text-bytes.js';
import { exactWindows, goodWindows, type WindowSizes } from './windows.js';

/** As the house estimates them. */
const BYTES_PER_TOKEN = 3;

/** With more of a chunk repeated, a document would become many times its size in chunks, up to thousands of times. */
const MOST_OVERLAP = 3 / 4;

/**
 * Cuts a text into chunks, in time that grows with its length. Everything but white space is in a chunk, in one of at
 * most `size` tokens; an overlap counts up to three quarters of the size.
 *
 * - `recursive` cuts between paragraphs where it can, else lines, sentences, words.
 * - `markdown` cuts along the headings (see {@link Regions}) and repeats nothing over them; fences of code, tables and
 *   items of lists stay whole where they fit and are cut between lines where they don't.
 * - `fixed` cuts where the size is reached.
 */
export function chunkText(document: ParsedText, { strategy, size, overlap }: Chunking): Chunk[] {
  const { text, pages } = document;
  const outline = new Outline(text, document.sections);
  const chunks: Chunk[] = [];
  let [page, section] = [-1, -1];
  for (const { start, end: border } of windowsOf(text, outline, strategy, sizesOf(size, overlap))) {
    const end = beforeSpace(text, border, start);
    // All but white space of it stands in the one before.
    if (end <= (chunks.at(-1)?.end ?? 0)) continue;
    while ((pages[page + 1]?.start ?? Infinity) <= start) page += 1;
    while ((outline.starts[section + 1] ?? Infinity) <= start) section += 1;
    let last = section;
    while ((outline.starts[last + 1] ?? Infinity) < end) last += 1;
    chunks.push({
      position: chunks.length,
      start,
      end,
      page: pages[page]?.page ?? null,
      headingPath: section < 0 ? [] : outline.path(outline.common(section, last)),
      tokens: estimateTokens(text.slice(start, end)),
    });
  }
  return chunks;
}

function* windowsOf(
  text: string,
  outline: Outline,
  strategy: Chunking['strategy'],
  sizes: WindowSizes,
): Generator<Region> {
  if (strategy === 'fixed') yield* exactWindows(text, sizes);
  else if (strategy === 'recursive') {
    yield* goodWindows(text, { start: 0, end: text.length }, Blocks.ofText(text), sizes);
  } else {
    const blocks = Blocks.ofMarkdown(text, outline.starts);
    for (const region of Regions.of(text, outline, sizes.size)) yield* goodWindows(text, region, blocks, sizes);
  }
}

function sizesOf(size: number, overlap: number): WindowSizes {
  const bytes = size * BYTES_PER_TOKEN;
  return { size: bytes, overlap: Math.floor(Math.min(overlap * BYTES_PER_TOKEN, bytes * MOST_OVERLAP)) };
}
