import type { Section } from './parsed-document.js';
import type { Paragraph } from './pdf-paragraphs.js';

const MAX_CANDIDATES = 20_000;
const MAX_LEVEL = 4;

/** Tells headings by their size, once it is known what size most of the text has. */
export class PdfHeadings {
  private readonly lettersOf = new Map<number, number>();
  private readonly candidates: { size: number; title: string; start: number }[] = [];

  note({ text, size, lines, isUpright }: Paragraph, start: number): void {
    const rounded = Math.round(size * 2) / 2;
    this.lettersOf.set(rounded, (this.lettersOf.get(rounded) ?? 0) + text.length);
    const mayBe = isUpright && lines <= 3 && isLikeHeading(text) && this.candidates.length < MAX_CANDIDATES;
    if (mayBe) this.candidates.push({ size: rounded, title: text, start });
  }

  sections(): Section[] {
    const usual = [...this.lettersOf].reduce((most, one) => (one[1] > most[1] ? one : most), [0, 0])[0];
    const found = this.candidates.filter(({ size }) => size >= usual * 1.08);
    const sizes = [...new Set(found.map(({ size }) => size))].sort((one, other) => other - one);
    return found.map(({ size, title, start }) => ({
      level: Math.min(sizes.indexOf(size) + 1, MAX_LEVEL),
      title,
      start,
    }));
  }
}

function isLikeHeading(text: string): boolean {
  if (text.length > 120 || /[\t\n@]| \.\.\. /.test(text) || !/\p{L}{2}/u.test(text)) return false;
  return /^[\p{Lu}\p{Lo}\p{N}"'(]/u.test(text) && !/[.,;:]$/.test(text) && (text.match(/,/g)?.length ?? 0) < 3;
}
