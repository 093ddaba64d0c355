const LOOKED_AT = 20;
const LATEST_HEADER = 10;

/** Writes rows so that each makes sense without the others: `Team: Leafs; Cups: 13`. */
export class RecordLines {
  private readonly write: (line: string) => void;
  /** Until it is known which row names the columns. */
  private waiting: string[][] | null = [];
  private header: string[] | null = null;

  constructor(write: (line: string) => void) {
    this.write = write;
  }

  row(given: readonly string[]): void {
    const cells = given.map((cell) => cell.replace(/\s+/g, ' ').trim());
    if (cells.every((cell) => cell === '')) return;
    if (!this.waiting) this.say(cells);
    else if (this.waiting.push(cells) >= LOOKED_AT) this.decide();
  }

  end(): void {
    this.decide();
  }

  private decide(): void {
    const rows = this.waiting ?? [];
    this.waiting = null;
    const at = headerAt(rows);
    for (const [index, cells] of rows.entries()) {
      if (index === at) this.header = cells;
      else this.say(cells);
    }
  }

  private say(cells: string[]): void {
    const named = cells.map((cell, column) => {
      const name = this.header?.[column] ?? '';
      return cell === '' || name === '' ? cell : `${name}: ${cell}`;
    });
    this.write(named.filter((cell) => cell !== '').join('; '));
  }
}

/** The first row as wide as the others that holds only different names; above it may be titles. */
function headerAt(rows: string[][]): number {
  const widths = rows.map((cells) => cells.filter((cell) => cell !== '').length);
  const widest = Math.max(0, ...widths);
  if (widest < 2) return -1;
  const at = rows.slice(0, LATEST_HEADER).findIndex((_, index) => (widths[index] ?? 0) >= widest * 0.8);
  const names = rows[at]?.filter((cell) => cell !== '') ?? [];
  const isHeader = names.every(isName) && !names.every(isFigure) && new Set(names).size === names.length;
  return isHeader && at < rows.length - 1 ? at : -1;
}

/** Also a year. */
function isName(cell: string): boolean {
  return cell.length <= 100 && (!isFigure(cell) || /^(19|20)\d\d$/.test(cell));
}

function isFigure(cell: string): boolean {
  return /^[-+($€£¥]*\d[\d.,:/ T%)-]*$/.test(cell) || /^(true|false|null|n\/a)$/i.test(cell);
}
