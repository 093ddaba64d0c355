import type { Attributes, XmlReader } from './xml.js';

/** On every slide the same. */
const REPEATED = new Set(['sldNum', 'ftr', 'hdr', 'sldImg']);

/** Texts and tables of one slide, in the order they are written in. */
export class SlideReader implements XmlReader {
  title = '';
  readonly blocks: (string | string[][])[] = [];
  /** Only this kind of place is read, where one is named. */
  private readonly only: string | null;
  private place = '';
  private lines: string[] = [];
  private line = '';
  private indent = 0;
  private table: string[][] | null = null;
  private isText = false;
  private skipped = 0;

  constructor(only: string | null = null) {
    this.only = only;
  }

  readonly open = (name: string, attributes: Attributes): void => {
    if (this.skipped > 0 || name === 'Fallback') {
      this.skipped++;
      return;
    }
    switch (name) {
      case 'sp':
        this.place = '';
        this.lines = [];
        break;
      case 'ph':
        this.place = attributes['type'] ?? 'other';
        break;
      case 'p':
        this.line = '';
        this.indent = 0;
        break;
      case 'pPr':
        this.indent = Math.min(Number(attributes['lvl']) || 0, 8);
        break;
      case 'br':
        this.line += '\n';
        break;
      case 't':
        this.isText = true;
        break;
      case 'tbl':
        this.table = [];
        break;
      case 'tr':
        this.table?.push([]);
        break;
      case 'tc':
        this.lines = [];
    }
  };

  readonly text = (text: string): void => {
    if (this.isText) this.line += text;
  };

  readonly close = (name: string): void => {
    if (this.skipped > 0) {
      this.skipped--;
      return;
    }
    switch (name) {
      case 't':
        this.isText = false;
        break;
      case 'p':
        if (this.line.trim() !== '')
          this.lines.push(`${this.indent > 0 ? `${'  '.repeat(this.indent)}- ` : ''}${this.line.trim()}`);
        this.line = '';
        break;
      case 'tc':
        this.table?.at(-1)?.push(this.lines.join(' '));
        this.lines = [];
        break;
      case 'tbl':
        if (this.table) this.blocks.push(this.table);
        this.table = null;
        break;
      case 'sp':
      case 'pt':
        this.endShape();
    }
  };

  private endShape(): void {
    const text = this.lines.join('\n');
    this.lines = [];
    const isTitle = this.place === 'title' || this.place === 'ctrTitle';
    if (text === '' || (this.only !== null && this.place !== this.only)) return;
    if (isTitle && this.title === '') this.title = text;
    else if (!REPEATED.has(this.place)) this.blocks.push(text);
  }
}
