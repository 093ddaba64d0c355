import { isSpace } from './text-bytes.js';

/** A paragraph; in Markdown also a fence of code, a table or an item of a list, which are `whole` as far as they fit. */
export interface Block {
  readonly start: number;
  /** After its last line, which is not blank. */
  readonly end: number;
  readonly whole: boolean;
}

type Kind = 'paragraph' | 'fence' | 'table' | 'item';

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const ITEM = /^ {0,3}(?:[-*+•]|\d{1,9}[.)])\s/;
const DELIMITER_ROW = /^[\s|:-]+$/;
/** How much of a line tells what it begins. */
const HEAD_UNITS = 16;

const KINDS: readonly Kind[] = ['paragraph', 'fence', 'table', 'item'];

/** The blocks of a text in their order, kept as numbers of four bytes: there may be millions. */
export class Blocks {
  private readonly starts = new GrowingNumbers();
  private readonly ends = new GrowingNumbers();
  private readonly kinds = new GrowingNumbers();

  private readonly text: string;

  // No parameter property: this runs in threads, which take types away and nothing else.
  private constructor(text: string) {
    this.text = text;
  }

  /** Parted by blank lines. */
  static ofText(text: string): Blocks {
    const blocks = new Blocks(text);
    blocks.readLines((start, end, afterBlank) => {
      if (afterBlank) blocks.open(start, end, 'paragraph');
      else blocks.extend(end);
    });
    return blocks;
  }

  /** Parted by blank lines and by what they are; none reaches over one of `borders`, which ascend. */
  static ofMarkdown(text: string, borders: readonly number[]): Blocks {
    const blocks = new Blocks(text);
    let border = 0;
    let fence: string | null = null;
    blocks.readLines((start, end, afterBlank) => {
      let isNew = afterBlank;
      for (; border < borders.length && (borders[border] ?? 0) <= start; border += 1) {
        isNew = true;
        fence = null;
      }
      if (fence !== null) {
        blocks.extend(end);
        if (closes(text.slice(start, Math.min(end, start + fence.length + HEAD_UNITS)), fence)) fence = null;
        return;
      }
      const head = text.slice(start, Math.min(end, start + HEAD_UNITS));
      fence = FENCE.exec(head)?.[1] ?? null;
      if (fence !== null) blocks.open(start, end, 'fence');
      else blocks.addLine(start, end, head, isNew);
    });
    return blocks;
  }

  /** The block that holds what stands before `at`, or begins there. */
  at(at: number): Block | undefined {
    let [low, high] = [0, this.starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.starts.at(middle) ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    const start = low === 0 ? undefined : this.starts.at(low - 1);
    if (start === undefined) return undefined;
    return { start, end: this.ends.at(low - 1) ?? start, whole: this.kinds.at(low - 1) !== 0 };
  }

  private addLine(start: number, end: number, head: string, isNew: boolean): void {
    const last = isNew ? undefined : this.lastKind;
    const isIndented = head.startsWith('  ') || head.startsWith('\t');
    // An item goes on after a blank line when what follows is indented.
    if (this.lastKind === 'item' && isIndented && (last === 'item' || isNew)) this.extend(end);
    else if (ITEM.test(head)) this.open(start, end, 'item');
    else if (this.isRow(start, end, head, last)) this.openOrExtend(start, end, 'table', last);
    else this.openOrExtend(start, end, last === 'item' ? 'item' : 'paragraph', last);
  }

  /** The line above a row of dashes heads its table. */
  private isRow(start: number, end: number, head: string, last: Kind | undefined): boolean {
    if (head.trimStart().startsWith('|')) return true;
    if (last === 'table') return this.text.slice(start, end).includes('|');
    if (last !== 'paragraph' || !head.includes('|') || !DELIMITER_ROW.test(this.text.slice(start, end))) return false;
    this.headTable(start);
    return true;
  }

  private headTable(delimiter: number): void {
    const opened = this.starts.at(-1) ?? 0;
    const header = this.text.lastIndexOf('\n', delimiter - 2) + 1;
    if (header > opened) {
      this.ends.setLast(header - 1);
      this.open(header, delimiter - 1, 'table');
    } else this.kinds.setLast(KINDS.indexOf('table'));
  }

  private openOrExtend(start: number, end: number, kind: Kind, last: Kind | undefined): void {
    if (last === kind || (kind === 'table' && this.lastKind === 'table' && last !== undefined)) this.extend(end);
    else this.open(start, end, kind);
  }

  private get lastKind(): Kind | undefined {
    return KINDS[this.kinds.at(-1) ?? -1];
  }

  private open(start: number, end: number, kind: Kind): void {
    this.starts.push(start);
    this.ends.push(end);
    this.kinds.push(KINDS.indexOf(kind));
  }

  private extend(end: number): void {
    this.ends.setLast(end);
  }

  /** Each line that is not blank, without its break, and whether a blank one stood before it. */
  private readLines(read: (start: number, end: number, afterBlank: boolean) => void): void {
    let afterBlank = true;
    for (let start = 0; start < this.text.length;) {
      const found = this.text.indexOf('\n', start);
      const end = found < 0 ? this.text.length : found;
      if (isBlank(this.text, start, end)) afterBlank = true;
      else {
        read(start, end, afterBlank);
        afterBlank = false;
      }
      start = end + 1;
    }
  }
}

class GrowingNumbers {
  length = 0;
  private numbers = new Int32Array(64);

  /** Negative places count from the end. */
  at(place: number): number | undefined {
    const at = place < 0 ? this.length + place : place;
    return at < this.length ? this.numbers[at] : undefined;
  }

  push(value: number): void {
    if (this.length === this.numbers.length) {
      const larger = new Int32Array(this.length * 2);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers[this.length] = value;
    this.length += 1;
  }

  setLast(value: number): void {
    this.numbers[this.length - 1] = value;
  }
}

function isBlank(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (!isSpace(text.charCodeAt(at))) return false;
  return true;
}

function closes(line: string, fence: string): boolean {
  const found = FENCE.exec(line)?.[1];
  return found?.[0] === fence[0] && found !== undefined && found.length >= fence.length;
}
