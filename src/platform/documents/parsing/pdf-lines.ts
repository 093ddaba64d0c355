import type { Piece } from './pdf-pieces.js';

/** In sizes of the letters: as far from one another as cells of a table or columns are. */
const FAR = 1.8;

/** Dots that lead to a number of a page. */
const LEADERS = /(?: ?\.){5,} ?/g;

export interface PdfLine {
  text: string;
  left: number;
  right: number;
  base: number;
  size: number;
  isUpright: boolean;
  isRtl: boolean;
  /** Its parts stand far apart, as cells of a table do. */
  hasGaps: boolean;
}

/** Pieces put together to lines, in the order they were written in; what stands apart in one is a line of its own. */
export function linesOf(pieces: Piece[]): PdfLine[] {
  const lines: PdfLine[] = [];
  let line: Piece[] = [];
  // A space is as wide as what it stands for, be it the way to the next column.
  let last: Piece | null = null;
  const end = (): void => {
    const made = lineOf(line);
    if (made) lines.push(made);
    line = [];
    last = null;
  };
  for (const piece of pieces) {
    const isBlank = piece.text.trim() === '';
    if (last && !isBlank && !continues(last, piece)) end();
    if (piece.text !== '') line.push(piece);
    if (!isBlank) last = piece;
    if (piece.ends && piece.text !== '') end();
  }
  end();
  return lines;
}

/** Notes may stand somewhat above; what stands far to the side is of another column. */
function continues(last: Piece, next: Piece): boolean {
  const size = Math.max(last.size, next.size);
  if (!last.isUpright || !next.isUpright) return last.isUpright === next.isUpright;
  if (Math.abs(last.base - next.base) > size * 0.6) return false;
  const gap = Math.max(next.left - last.right, last.left - next.right);
  return gap < size * FAR;
}

function lineOf(written: Piece[]): PdfLine | null {
  const letters = (isRtl: boolean): number =>
    written.reduce((sum, piece) => sum + (piece.isRtl === isRtl ? piece.text.trim().length : 0), 0);
  const isRtl = letters(true) > letters(false);
  // What is written from right to left comes from left to right.
  const pieces = isRtl ? written.toSorted((one, other) => other.left - one.left) : written;
  let text = '';
  let size = 0;
  let last: Piece | null = null;
  for (const piece of pieces) {
    if (piece.text.trim() === '') {
      if (!text.endsWith(' ')) text += ' ';
      continue;
    }
    const gap: number = last ? (isRtl ? last.left - piece.right : piece.left - last.right) : 0;
    if (gap > piece.size * 0.2 && !/\s$/.test(text) && !/^\s/.test(piece.text)) text += ' ';
    text += piece.text;
    if (piece.text.trim().length > 1 || size === 0) size = Math.max(size, piece.size);
    last = piece;
  }
  if (text.trim() === '') return null;
  const shown = written.filter((piece) => piece.text.trim() !== '');
  return {
    text: text.replace(LEADERS, ' ... ').trim(),
    left: Math.min(...shown.map((piece) => piece.left)),
    right: Math.max(...shown.map((piece) => piece.right)),
    base: shown[0]?.base ?? 0,
    ...{ size, isRtl, hasGaps: false, isUpright: shown[0]?.isUpright ?? true },
  };
}

/** What stands beside one another is one line again, now that columns are told apart. */
export function rowsOf(lines: PdfLine[]): PdfLine[] {
  const rows: PdfLine[][] = [];
  for (const line of lines) {
    const row = rows.at(-1);
    const last = row?.at(-1);
    const isBeside =
      last?.isUpright && line.isUpright && Math.abs(last.base - line.base) < Math.min(last.size, line.size) * 0.6;
    if (row && isBeside) row.push(line);
    else rows.push([line]);
  }
  return rows.map(joinedRow);
}

function joinedRow(row: PdfLine[]): PdfLine {
  const [first] = row as [PdfLine];
  if (row.length === 1) return first;
  const sorted = row.toSorted((one, other) => (first.isRtl ? other.left - one.left : one.left - other.left));
  return {
    ...first,
    text: sorted.map(({ text }) => text).join('\t'),
    left: Math.min(...row.map(({ left }) => left)),
    right: Math.max(...row.map(({ right }) => right)),
    size: Math.max(...row.map(({ size }) => size)),
    hasGaps: true,
  };
}

/**
 * Most PDFs are written in the order they are read in, also those with columns. Where two columns are written line by
 * line across, they are taken apart; where lines jump about, they are sorted.
 */
export function inReadingOrder(lines: PdfLine[]): PdfLine[] {
  const upright = lines.filter((line) => line.isUpright);
  const others = lines.filter((line) => !line.isUpright);
  const middle = gutterOf(upright);
  if (middle !== null && switches(upright, middle) > upright.length * 0.6)
    return [...byColumns(upright, middle), ...others];
  const jumps = upright.filter((line, at) => line.base < (upright[at - 1]?.base ?? 0) - line.size * 0.5).length;
  if (middle !== null || jumps <= Math.max(4, upright.length * 0.25)) return [...upright, ...others];
  return [...upright.toSorted((one, other) => one.base - other.base || one.left - other.left), ...others];
}

/** Where nothing stands between two columns of running text. */
function gutterOf(lines: PdfLine[]): number | null {
  if (lines.length < 10 || lines.length > 5_000) return null;
  const from = Math.min(...lines.map((line) => line.left));
  const to = Math.max(...lines.map((line) => line.right));
  for (const share of [0.5, 0.48, 0.52, 0.46, 0.54, 0.42, 0.58, 0.38, 0.62]) {
    const at = from + (to - from) * share;
    const left = lines.filter((line) => line.right < at);
    const right = lines.filter((line) => line.left > at);
    const isProse = (column: PdfLine[], width: number): boolean =>
      column.length >= 5 && column.filter((line) => line.right - line.left > width * 0.6).length > column.length * 0.5;
    if (left.length + right.length >= lines.length * 0.7 && isProse(left, at - from) && isProse(right, to - at))
      return at;
  }
  return null;
}

function switches(lines: PdfLine[], middle: number): number {
  const sides = lines.filter((line) => line.right < middle || line.left > middle).map((line) => line.right < middle);
  return sides.filter((side, at) => at > 0 && side !== sides[at - 1]).length;
}

/** Lines across both columns part what is above from what is below. */
function byColumns(lines: PdfLine[], middle: number): PdfLine[] {
  const sorted = lines.toSorted((one, other) => one.base - other.base);
  const ordered: PdfLine[] = [];
  let [left, right]: [PdfLine[], PdfLine[]] = [[], []];
  for (const line of sorted) {
    if (line.right < middle) left.push(line);
    else if (line.left > middle) right.push(line);
    else {
      ordered.push(...left, ...right, line);
      [left, right] = [[], []];
    }
  }
  return [...ordered, ...left, ...right];
}
