import type { PdfLine } from './pdf-lines.js';

/** The last word of a line that goes on in the next. */
const PARTED = /([\p{L}-]{0,60}\p{L})[-\u00ad\u2010]$/u;
const MAX_COMPOUNDS = 50_000;

/** Words with a hyphen that were seen within lines. */
export class Compounds {
  private readonly words = new Set<string>();

  note(line: string): void {
    for (const [word] of line.matchAll(/\p{L}{2,40}-\p{L}{2,40}/gu))
      if (this.words.size < MAX_COMPOUNDS) this.words.add(word.toLowerCase());
  }

  has(word: string): boolean {
    return this.words.has(word.toLowerCase());
  }
}

export interface Paragraph {
  text: string;
  size: number;
  lines: number;
  isUpright: boolean;
}

/** Lines that go on where the one before ends, put together; a word that is parted at an end is one word again. */
export function paragraphsOf(lines: PdfLine[], compounds: Compounds): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  const edges = rightEdges(lines);
  let last: PdfLine | null = null;
  for (const line of lines) {
    const paragraph = paragraphs.at(-1);
    if (paragraph && last && goesOn(last, line, edges)) {
      paragraph.text = joined(paragraph.text, line.text, compounds);
      paragraph.lines++;
    } else if (paragraph && last && isOfOneTable(last, line)) {
      paragraph.text += `\n${line.text}`;
      paragraph.lines++;
    } else paragraphs.push({ text: line.text, size: line.size, lines: 1, isUpright: line.isUpright });
    last = line;
  }
  return paragraphs;
}

/** How far to the right the lines that begin so far to the left reach. */
function rightEdges(lines: PdfLine[]): Map<number, number> {
  const edges = new Map<number, number>();
  for (const line of lines)
    for (const at of [-1, 0, 1]) {
      const column = Math.round(line.left / 3) + at;
      edges.set(column, Math.max(edges.get(column) ?? 0, line.right));
    }
  return edges;
}

function isBelow(last: PdfLine, line: PdfLine): boolean {
  const down = line.base - last.base;
  return last.isUpright && line.isUpright && down > 0 && down < line.size * 1.8;
}

function goesOn(last: PdfLine, line: PdfLine, edges: Map<number, number>): boolean {
  if (last.hasGaps || line.hasGaps || last.text.includes(' ... ')) return false;
  if (Math.abs(last.size - line.size) > line.size * 0.06) return false;
  if (/^([•◦▪‣∙·*–—-]|\(?(\d{1,3}|[a-z])[.)])\s/.test(line.text)) return false;
  const edge = edges.get(Math.round(last.left / 3)) ?? last.right;
  const isFull =
    PARTED.test(last.text.slice(-70)) || last.right > edge - Math.max((edge - last.left) * 0.15, line.size * 3);
  // The same paragraph in the next column begins with a small letter.
  if (!isBelow(last, line))
    return (
      isFull && last.isUpright && line.base < last.base && /^\p{Ll}/u.test(line.text) && !/[.!?:]$/.test(last.text)
    );
  if (Math.abs(last.left - line.left) > line.size * 4) return false;
  return isFull && line.left - last.left < line.size * 0.8;
}

function isOfOneTable(last: PdfLine, line: PdfLine): boolean {
  return isBelow(last, line) && last.hasGaps === line.hasGaps && Math.abs(last.size - line.size) < line.size * 0.06;
}

/** A hyphen is meant before a capital or a digit, and in words that have one elsewhere. */
function joined(text: string, next: string, compounds: Compounds): string {
  const parted = PARTED.exec(text.slice(-70))?.[1];
  if (parted === undefined) return `${text} ${next}`;
  const rest = /^[\p{Ll}-]+/u.exec(next)?.[0];
  const isMeant = rest === undefined || parted.includes('-') || compounds.has(`${parted}-${rest}`);
  return isMeant ? text.replace(/[\u00ad\u2010]$/, '-') + next : text.slice(0, -1) + next;
}
