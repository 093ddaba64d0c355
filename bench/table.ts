/** One measured thing; without a goal it is there to compare with. */
export interface Row {
  what: string;
  goal?: string;
  reached: string;
  ok?: boolean;
}

const HEAD = ['', 'goal', 'reached', ''];

const cells = ({ what, goal = '', reached, ok }: Row): string[] => [
  what,
  goal,
  reached,
  ok === undefined ? '' : ok ? 'ok' : 'missed',
];

export const plainTable = (rows: Row[]): string => plainCells([HEAD, ...rows.map(cells)]);
export const markdownTable = (rows: Row[]): string => markdownCells([HEAD, ...rows.map(cells)]);

/** The first line is the head. */
export function plainCells(lines: string[][]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The first line is the head. */
export function markdownCells([head = [], ...lines]: string[][]): string {
  const line = (parts: string[]): string => `| ${parts.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...lines.map(line)].join('\n');
}

export const ms = (value: number): string => `${value.toFixed(1)} ms`;
export const whole = (value: number): string => Math.round(value).toLocaleString('en');
export const megabytes = (value: number): string => `${Math.round(value)} MB`;
