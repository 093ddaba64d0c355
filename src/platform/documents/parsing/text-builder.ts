import { cleanLine, cleanText, isVisible } from './clean-text.js';
import { DocumentFault } from './document-fault.js';
import type { Page, ParsedDocument, Section } from './parsed-document.js';
import type { WorkBudget } from './work-budget.js';

/** Puts a document's text together from whole lines, and notes where what begins. */
export class TextBuilder {
  private readonly parts: string[] = [];
  private readonly sections: Section[] = [];
  private readonly pages: Page[] = [];
  private readonly budget: WorkBudget;
  private length = 0;
  private wantsBlank = false;

  constructor(budget: WorkBudget) {
    this.budget = budget;
  }

  /** One line or several; nothing is written of what can't be seen. */
  line(text: string): void {
    const clean = withoutMargins(cleanText(text));
    if (clean === '') return;
    const added = `${this.gap()}${clean}\n`;
    this.budget.write(added.length);
    this.parts.push(added);
    this.length += added.length;
    this.wantsBlank = false;
  }

  /** What comes next stands apart. */
  blank(): void {
    this.wantsBlank = true;
  }

  paragraph(text: string): void {
    this.blank();
    this.line(text);
    this.blank();
  }

  heading(level: number, title: string): void {
    const clean = cleanLine(title);
    if (!isVisible(clean)) return;
    const within = Math.min(Math.max(level, 1), 6);
    this.blank();
    this.section(within, clean);
    this.line(`${'#'.repeat(within)} ${clean}`);
    this.blank();
  }

  /** A heading at the next line, which says it in its own way. */
  section(level: number, title: string): void {
    this.sectionAt({ level, title: cleanLine(title).slice(0, 500), start: this.next() });
  }

  sectionAt(section: Section): void {
    this.budget.mark();
    this.sections.push(section);
  }

  page(page: number): void {
    this.budget.mark();
    this.blank();
    this.pages.push({ page, start: this.next() });
  }

  /** Another document inside this one, its headings below those of this level; its pages are not this one's. */
  inner(document: ParsedDocument, below: number): void {
    this.blank();
    const from = this.next();
    for (const { level, title, start } of document.sections)
      this.sectionAt({ level: Math.min(level + below, 6), title, start: from + start });
    const added = `${this.gap()}${document.text}\n`;
    this.parts.push(added);
    this.length += added.length;
    this.blank();
  }

  /** Where the next line begins. */
  next(): number {
    return this.length + this.gap().length;
  }

  /** @throws DocumentFault when there is nothing to be seen */
  finish(title: string | null): ParsedDocument {
    const text = this.parts.join('').trimEnd();
    if (!isVisible(text)) throw new DocumentFault('no_text');
    const pages = this.pages.map(({ page, start }) => ({ page, start: Math.min(start, text.length) }));
    return { text, title: usableTitle(title), sections: this.sections, pages };
  }

  private gap(): string {
    return this.wantsBlank && this.length > 0 ? '\n' : '';
  }
}

/** Without white space at the ends of lines, and without empty lines around them. */
function withoutMargins(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const from = lines.findIndex((line) => line !== '');
  const to = lines.findLastIndex((line) => line !== '');
  return from < 0 ? '' : lines.slice(from, to + 1).join('\n');
}

/** Null for what programs call a document by themselves. */
export function usableTitle(title: string | null | undefined): string | null {
  const clean = cleanLine(title ?? '')
    .slice(0, 500)
    .trim()
    .toWellFormed();
  const isMade =
    /^(untitled|microsoft (word|powerpoint|excel) - .*|(word|powerpoint) document|powerpoint presentation|(document|presentation|book|slide) ?\d*)$/i;
  return isVisible(clean) && !isMade.test(clean) ? clean : null;
}
