import { shownNumber, type CellFormat } from './xlsx-formats.js';
import type { Attributes, XmlReader } from './xml.js';

/** As many columns as Excel has. */
const MAX_COLUMNS = 16_384;

interface Sources {
  strings: string[];
  formats: CellFormat[];
  from1904: boolean;
  row: (cells: string[]) => void;
}

/** Reads the rows of a sheet as they come: what was last computed, not the formulas. */
export class SheetReader implements XmlReader {
  private readonly sources: Sources;
  private cells: string[] = [];
  private column = 0;
  private type = '';
  private format: CellFormat = 'plain';
  private value = '';
  private isValue = false;

  constructor(sources: Sources) {
    this.sources = sources;
  }

  readonly open = (name: string, attributes: Attributes): void => {
    if (name === 'row') {
      this.cells = [];
      this.column = -1;
    } else if (name === 'c') {
      this.column = columnOf(attributes['r']) ?? this.column + 1;
      this.type = attributes['t'] ?? 'n';
      this.format = this.sources.formats[Number(attributes['s'] ?? 0)] ?? 'plain';
      this.value = '';
    }
    this.isValue = name === 'v' || name === 't';
  };

  readonly text = (text: string): void => {
    if (this.isValue) this.value += text;
  };

  readonly close = (name: string): void => {
    this.isValue = false;
    if (name === 'c' && this.column < MAX_COLUMNS) this.put(this.shown());
    else if (name === 'row') this.sources.row(this.cells);
  };

  private put(value: string): void {
    if (value === '') return;
    while (this.cells.length < this.column) this.cells.push('');
    this.cells[this.column] = value;
  }

  private shown(): string {
    switch (this.type) {
      case 's':
        return this.sources.strings[Number(this.value)] ?? '';
      case 'b':
        return this.value === '1' ? 'TRUE' : 'FALSE';
      case 'n':
        return shownNumber(this.value, this.format, this.sources.from1904);
      // As the file has it, such as `2024-03-01T00:00:00`.
      case 'd':
        return this.value.replace(/T00:00:00(\.0+)?$/, '').replace('T', ' ');
      default:
        return this.value;
    }
  }
}

/** `AB12` is in column 27. */
function columnOf(reference: string | undefined): number | null {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0];
  if (letters === undefined) return null;
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}
