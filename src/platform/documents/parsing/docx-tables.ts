import { tableText } from './table-text.js';
import { attribute, type Attributes } from './xml.js';

/** What a paragraph has become. */
export interface Block {
  text: string;
  level: number | null;
  isItem: boolean;
}

interface Cell {
  blocks: Block[];
  span: number;
  /** Is the lower part of the one above. */
  goesOn: boolean;
}

interface Table {
  rows: Cell[][];
}

/** Puts blocks into the tables they stand in, however deep, and hands on what stands in none. */
export class TableReader {
  private readonly write: (block: Block) => void;
  private readonly tables: Table[] = [];

  constructor(write: (block: Block) => void) {
    this.write = write;
  }

  /** Whether it was of a table. */
  open(name: string, attributes: Attributes): boolean {
    const table = this.tables.at(-1);
    if (name === 'tbl') this.tables.push({ rows: [] });
    else if (!table) return false;
    else if (name === 'tr') table.rows.push([]);
    else if (name === 'tc') table.rows.at(-1)?.push({ blocks: [], span: 1, goesOn: false });
    else return this.describe(name, attribute(attributes, 'w:val'));
    return true;
  }

  close(name: string): void {
    if (name !== 'tbl') return;
    const table = this.tables.pop();
    if (!table) return;
    const [only] = table.rows.length === 1 ? (table.rows[0] ?? []) : [];
    // A frame around something.
    if (only && table.rows[0]?.length === 1) for (const block of only.blocks) this.add(block);
    else
      this.add({
        text: this.tables.length > 0 ? inOneLine(table) : tableText(gridOf(table)),
        level: null,
        isItem: false,
      });
  }

  add(block: Block): void {
    const table = this.tables.at(-1);
    if (!table) this.write(block);
    else table.rows.at(-1)?.at(-1)?.blocks.push(block);
  }

  private describe(name: string, value: string | undefined): boolean {
    const cell = this.tables.at(-1)?.rows.at(-1)?.at(-1);
    if (!cell || (name !== 'gridSpan' && name !== 'vMerge')) return false;
    if (name === 'gridSpan') cell.span = Math.min(Math.max(Number(value) || 1, 1), 100);
    else cell.goesOn = value !== 'restart';
    return true;
  }
}

/** What stands in several rows is said in each of them. */
function gridOf(table: Table): string[][] {
  let above: string[] = [];
  return table.rows.map((cells) => {
    const row: string[] = [];
    for (const cell of cells) {
      const text = cell.goesOn ? (above[row.length] ?? '') : cell.blocks.map((block) => block.text).join('\n');
      row.push(text, ...Array.from({ length: cell.span - 1 }, () => ''));
    }
    above = row;
    return row;
  });
}

/** A table within a cell of another. */
function inOneLine(table: Table): string {
  return gridOf(table)
    .map((row) => row.filter((cell) => cell !== '').join(', '))
    .filter((row) => row !== '')
    .join('; ');
}
