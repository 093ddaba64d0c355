import {
  elementsOf,
  isElement,
  isText,
  textOf,
  type Markup,
  type MarkupElement,
  type MarkupNode,
} from './html-tree.js';
import { tableText } from './table-text.js';
import type { TextBuilder } from './text-builder.js';

const SILENT = new Set([
  'script',
  'style',
  'noscript',
  'template',
  'svg',
  'head',
  'title',
  'iframe',
  'button',
  'select',
  'textarea',
  'input',
]);
const PARAGRAPHS = new Set([
  'p',
  'blockquote',
  'table',
  'ul',
  'ol',
  'dl',
  'figure',
  'section',
  'article',
  'address',
  'fieldset',
  'details',
  'hr',
  'pre',
  'form',
]);
const LINES = new Set([
  'div',
  'dt',
  'dd',
  'figcaption',
  'caption',
  'summary',
  'tr',
  'main',
  'header',
  'footer',
  'aside',
  'nav',
  'body',
  'html',
  'center',
  'legend',
  'td',
  'th',
  'li',
  'tbody',
  'thead',
  'tfoot',
]);

/** Writes a tree of HTML as Markdown: headings, lists, tables and code; of links only what they say. */
export class HtmlWriter {
  private readonly builder: TextBuilder;
  private inline: string[] = [];
  private prefix = '';
  private depth = 0;

  constructor(builder: TextBuilder) {
    this.builder = builder;
  }

  write(node: Markup): void {
    for (const child of node.children) this.node(child);
    this.flush();
  }

  private node(node: MarkupNode): void {
    if (isText(node)) this.inline.push(node.data);
    else if (isElement(node)) this.element(node);
  }

  private element(element: MarkupElement): void {
    const { name } = element;
    if (SILENT.has(name) || isReference(element)) return;
    if (/^h[1-6]$/.test(name)) {
      this.flush();
      this.builder.heading(Number(name[1]), textOf(element));
    } else if (name === 'br') this.inline.push('\u2028');
    else if (name === 'pre') this.code(element);
    else if (name === 'ul' || name === 'ol') this.list(element);
    else if (name === 'table' && isData(element)) this.table(element);
    else this.block(element);
  }

  private block(element: MarkupElement): void {
    const isParagraph = PARAGRAPHS.has(element.name);
    const isBlock = isParagraph || LINES.has(element.name);
    if (isBlock) this.flush();
    if (isParagraph && this.depth === 0) this.builder.blank();
    for (const child of element.children) this.node(child);
    if (isBlock) this.flush();
    if (isParagraph && this.depth === 0) this.builder.blank();
  }

  /** White space is one space, except where a line is broken on purpose. */
  private flush(): void {
    const written = this.inline.join('').replace(/[^\S\u2028\u00a0]+/g, ' ');
    this.inline = [];
    const text = written
      .split('\u2028')
      .map((line) => line.trim())
      .join('\n')
      .trim();
    if (text === '') return;
    this.builder.line(this.prefix + text);
    this.prefix = ' '.repeat(this.prefix.length);
  }

  private code(element: MarkupElement): void {
    this.flush();
    const text = textOf(element).replace(/^\n/, '').trimEnd();
    if (text.trim() === '') return;
    const fence = '`'.repeat(Math.max(3, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length + 1)));
    this.builder.paragraph(`${fence}\n${text}\n${fence}`);
  }

  private list(element: MarkupElement): void {
    this.flush();
    const outer = this.prefix;
    if (this.depth++ === 0) this.builder.blank();
    let number = Number(element.attribs['start']) || 1;
    for (const child of element.children) {
      if (!isElement(child) || child.name !== 'li') {
        this.node(child);
        continue;
      }
      this.flush();
      this.prefix = `${'  '.repeat(Math.min(this.depth - 1, 20))}${element.name === 'ol' ? `${number++}.` : '-'} `;
      for (const inner of child.children) this.node(inner);
      this.flush();
    }
    this.flush();
    this.prefix = outer;
    if (--this.depth === 0) this.builder.blank();
  }

  private table(element: MarkupElement): void {
    this.flush();
    const caption = elementsOf(element).find((child) => child.name === 'caption');
    if (caption) this.builder.paragraph(textOf(caption).replace(/\s+/g, ' '));
    const rows = rowsOf(element);
    this.builder.paragraph(isKeyed(rows) ? keyedText(rows) : tableText(gridOf(rows)));
  }
}

/** `[12]`, above the line. */
function isReference(element: MarkupElement): boolean {
  return element.name === 'sup' && elementsOf(element).length > 0 && /^\s*\[[^\]]{1,20}\]\s*$/.test(textOf(element));
}

/** Tables for looks hold other tables, headings, or a single column or row. */
function isData(table: MarkupElement): boolean {
  const holdsLayout = (node: MarkupElement): boolean =>
    elementsOf(node).some((child) => /^(table|h[1-6]|pre)$/.test(child.name) || holdsLayout(child));
  const rows = rowsOf(table);
  return rows.length > 1 && rows.some((row) => row.length > 1) && !holdsLayout(table);
}

/** Each row says what its first cell is about. */
function isKeyed(rows: MarkupElement[][]): boolean {
  const keyed = rows.filter(
    ([first, second, ...more]) => first?.name === 'th' && second?.name === 'td' && more.length === 0,
  );
  return keyed.length > rows.length / 2;
}

function keyedText(rows: MarkupElement[][]): string {
  const lines = rows.map((cells) =>
    cells
      .map(cellText)
      .filter((text) => text !== '')
      .join(': '),
  );
  return lines.filter((line) => line !== '').join('\n');
}

function rowsOf(table: MarkupElement): MarkupElement[][] {
  return elementsOf(table).flatMap((child) => {
    if (child.name === 'tr') return [elementsOf(child).filter(({ name }) => name === 'td' || name === 'th')];
    return /^t(head|body|foot)$/.test(child.name) ? rowsOf(child) : [];
  });
}

/** What stands in several rows is said in each of them; over several columns once. */
function gridOf(rows: MarkupElement[][]): string[][] {
  const below = new Map<number, { text: string; rows: number }>();
  return rows.map((cells) => {
    const row: string[] = [];
    const fill = (): void => {
      for (let held = below.get(row.length); held; held = below.get(row.length)) {
        if (--held.rows <= 0) below.delete(row.length);
        row.push(held.text);
      }
    };
    for (const cell of cells) {
      fill();
      const text = cellText(cell);
      const down = Math.min(Number(cell.attribs['rowspan']) || 1, 1_000);
      if (down > 1) below.set(row.length, { text, rows: down - 1 });
      const across = Math.min(Math.max(Number(cell.attribs['colspan']) || 1, 1), 100);
      row.push(text, ...Array.from({ length: across - 1 }, () => ''));
    }
    fill();
    return row;
  });
}

/** Lists and lines within a cell stand beside one another. */
function cellText(cell: Markup): string {
  const parts: string[] = [];
  let hasText = false;
  const collect = (node: Markup): void => {
    for (const child of node.children) {
      if (isText(child)) {
        parts.push(child.data);
        hasText ||= child.data.trim() !== '';
      } else if (isElement(child) && !SILENT.has(child.name) && !isReference(child)) {
        const isApart = child.name === 'br' || PARAGRAPHS.has(child.name) || LINES.has(child.name);
        if (isApart) parts.push(child.name === 'li' && hasText ? ', ' : ' ');
        collect(child);
        if (isApart) parts.push(' ');
      }
    }
  };
  collect(cell);
  return parts.join('').replace(/\s+/g, ' ').replace(/ ,/g, ',').trim();
}
