import { type Block, TableReader } from './docx-tables.js';
import type { Numbering } from './docx-numbering.js';
import type { ParagraphStyle } from './docx-styles.js';
import type { TextBuilder } from './text-builder.js';
import { attribute, type Attributes, type XmlReader } from './xml.js';

interface Paragraph {
  text: string;
  styleId: string;
  listId: string | null;
  listLevel: number | null;
  outline: number | null;
  notes: string[];
  inRun: boolean;
}

/** What was deleted, what is there a second time for old programs, and what was so before. */
const SKIPPED = new Set(['Fallback', 'del', 'moveFrom', 'pPrChange', 'rPrChange', 'sectPrChange', 'tblPrChange']);

interface Sources {
  builder: TextBuilder;
  styles: Map<string, ParagraphStyle>;
  numbering: Numbering;
  notes: Map<string, string>;
}

/** Reads the body of a Word document as it comes. */
export class DocxBody implements XmlReader {
  /** Of the first paragraph that is styled as one. */
  title: string | null = null;
  private readonly sources: Sources;
  private readonly tables: TableReader;
  private readonly paragraphs: Paragraph[] = [];
  private skipped = 0;
  private isText = false;
  private noteCount = 0;

  constructor(sources: Sources) {
    this.sources = sources;
    this.tables = new TableReader((block) => this.write(block));
  }

  readonly open = (name: string, attributes: Attributes): void => {
    if (this.skipped > 0 || SKIPPED.has(name)) {
      this.skipped++;
      return;
    }
    if (name === 'p') {
      this.paragraphs.push({
        text: '',
        styleId: '',
        listId: null,
        listLevel: null,
        outline: null,
        notes: [],
        inRun: false,
      });
      return;
    }
    if (this.tables.open(name, attributes)) return;
    const paragraph = this.paragraphs.at(-1);
    if (paragraph) this.within(paragraph, name, attributes);
  };

  readonly text = (text: string): void => {
    const paragraph = this.paragraphs.at(-1);
    if (this.isText && paragraph) paragraph.text += text;
  };

  readonly close = (name: string): void => {
    if (this.skipped > 0) {
      this.skipped--;
      return;
    }
    const paragraph = this.paragraphs.at(-1);
    if (name === 't') this.isText = false;
    else if (name === 'r' && paragraph) paragraph.inRun = false;
    else if (name === 'p') this.end(this.paragraphs.pop());
    else this.tables.close(name);
  };

  private within(paragraph: Paragraph, name: string, attributes: Attributes): void {
    const value = attribute(attributes, 'w:val') ?? '';
    switch (name) {
      case 'r':
        paragraph.inRun = true;
        return;
      case 't':
        this.isText = true;
        return;
      case 'tab':
      case 'ptab':
        if (paragraph.inRun) paragraph.text += '\t';
        return;
      case 'br':
      case 'cr':
        paragraph.text += '\n';
        return;
      case 'noBreakHyphen':
        paragraph.text += '-';
        return;
      case 'pStyle':
        paragraph.styleId = value;
        return;
      case 'numId':
        paragraph.listId = value;
        return;
      case 'ilvl':
        paragraph.listLevel = Number(value);
        return;
      case 'outlineLvl':
        paragraph.outline = Number(value);
        return;
      case 'footnoteReference':
      case 'endnoteReference':
        this.refer(paragraph, `${name.slice(0, -'Reference'.length)}${attribute(attributes, 'w:id') ?? ''}`);
    }
  }

  private refer(paragraph: Paragraph, note: string): void {
    const text = this.sources.notes.get(note);
    if (text === undefined) return;
    const mark = `[^${++this.noteCount}]`;
    paragraph.text += mark;
    paragraph.notes.push(`${mark}: ${text}`);
  }

  private end(paragraph: Paragraph | undefined): void {
    if (!paragraph) return;
    const style = this.sources.styles.get(paragraph.styleId);
    const text = paragraph.text.trim();
    if (text === '' || style?.isContents) return;
    if (style?.isTitle) this.title ??= text;
    const level = headingLevel(paragraph, style);
    const mark = this.mark(paragraph, style);
    const indent = level === null && mark !== '' ? '  '.repeat(this.depth(paragraph, style)) : '';
    const marked = mark === '' || (level !== null && mark === '-') ? text : `${indent}${mark} ${text}`;
    this.tables.add({ text: marked, level, isItem: level === null && mark !== '' });
    for (const note of paragraph.notes) this.tables.add({ text: note, level: null, isItem: false });
  }

  /** Of list 0 is what is in no list, whatever its style. */
  private mark(paragraph: Paragraph, style: ParagraphStyle | undefined): string {
    const id = paragraph.listId ?? style?.list?.id ?? '0';
    return id === '0' ? '' : this.sources.numbering.next(id, this.depth(paragraph, style));
  }

  private depth(paragraph: Paragraph, style: ParagraphStyle | undefined): number {
    const depth = paragraph.listLevel ?? style?.list?.level ?? 0;
    return depth >= 0 && depth < 9 ? depth : 0;
  }

  private write({ text, level, isItem }: Block): void {
    const { builder } = this.sources;
    if (level !== null && text.length <= 500) builder.heading(level, text);
    else if (isItem) builder.line(text);
    else builder.paragraph(text);
  }
}

function headingLevel(paragraph: Paragraph, style: ParagraphStyle | undefined): number | null {
  if (paragraph.outline !== null) return paragraph.outline < 9 ? paragraph.outline + 1 : null;
  return style?.level ?? (style?.isTitle ? 1 : null);
}
