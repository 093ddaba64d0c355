import { RecordLines } from './record-lines.js';

const SHORT = 20;

/** A short table as Markdown has it; a long one row by row, each with the names of its columns. */
export function tableText(given: readonly (readonly string[])[]): string {
  const rows = given
    .map((cells) => cells.map((cell) => cell.replace(/\s+/g, ' ').trim()))
    .filter((cells) => cells.some((cell) => cell !== ''));
  const width = rows.reduce((most, cells) => Math.max(most, cells.length), 0);
  if (width < 2) return rows.map(([cell]) => cell).join('\n');
  return rows.length > SHORT ? recordText(rows) : pipeText(rows, width);
}

function pipeText(rows: string[][], width: number): string {
  const lines = rows.map((cells) => {
    const all = Array.from({ length: width }, (_, column) => (cells[column] ?? '').replaceAll('|', '\\|'));
    return `| ${all.join(' | ')} |`;
  });
  return [lines[0], `|${' --- |'.repeat(width)}`, ...lines.slice(1)].join('\n');
}

function recordText(rows: string[][]): string {
  const lines: string[] = [];
  const records = new RecordLines((line) => lines.push(line));
  for (const cells of rows) records.row(cells);
  records.end();
  return lines.join('\n');
}
