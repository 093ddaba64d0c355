import type { ParsedText } from './chunk.js';

/** Deeper than any format of headings goes. */
const MOST_LEVELS = 9;
/** Of one heading, as it is kept with each chunk. */
const MOST_TITLE = 200;

/** The headings of a text as the tree they form; numbers and not objects, since there may be very many. */
export class Outline {
  /** Where each section begins, ascending: at its heading's line. */
  readonly starts: number[] = [];
  private readonly levels: number[] = [];
  private readonly titles: string[] = [];
  private readonly parents: number[] = [];
  /** After the last section below each. */
  private readonly nexts: number[] = [];

  constructor(text: string, sections: ParsedText['sections']) {
    const open: number[] = [];
    for (const section of sections) {
      const start = lineStart(text, section.start);
      if (!(start >= 0 && start < text.length) || start <= (this.starts.at(-1) ?? -1)) continue;
      const level = Math.min(MOST_LEVELS, Math.max(1, section.level));
      const index = this.starts.push(start) - 1;
      while (open.length > 0 && (this.levels[open.at(-1) ?? 0] ?? 0) >= level) this.nexts[open.pop() ?? 0] = index;
      this.levels.push(level);
      this.titles.push(section.title);
      this.parents.push(open.at(-1) ?? -1);
      open.push(index);
    }
    for (const index of open) this.nexts[index] = this.starts.length;
  }

  get length(): number {
    return this.starts.length;
  }

  /** The first section that is not below this one. */
  next(index: number): number {
    return this.nexts[index] ?? this.length;
  }

  /** The deepest section that holds all of those from `first` to `last`; -1 where none does. */
  common(first: number, last: number): number {
    let common = first;
    for (let index = first + 1; index <= last && common >= 0; index += 1) {
      while (common >= 0 && this.next(common) <= index) common = this.parents[common] ?? -1;
    }
    return common;
  }

  path(index: number): string[] {
    const path: string[] = [];
    for (let at = index; at >= 0; at = this.parents[at] ?? -1) path.unshift(shortTitle(this.titles[at] ?? ''));
    return path;
  }
}

function shortTitle(title: string): string {
  const line = title
    .slice(0, 2 * MOST_TITLE)
    .replace(/\s+/gu, ' ')
    .trim();
  return line.length > MOST_TITLE
    ? `${line
        .slice(0, MOST_TITLE - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`
    : line;
}

/** Before the marks of a heading in Markdown, where it is its title whose place was given. */
function lineStart(text: string, start: number): number {
  let at = start;
  while (at > 0 && start - at <= MOST_LEVELS && (text[at - 1] === '#' || text[at - 1] === ' ')) at -= 1;
  return at === 0 || text[at - 1] === '\n' ? at : start;
}
