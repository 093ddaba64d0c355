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

export function plainTable(rows: Row[]): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownTable(rows: Row[]): string {
  const line = (parts: string[]): string => `| ${parts.join(' | ')} |`;
  return [line(HEAD), '|---|---|---|---|', ...rows.map((row) => line(cells(row)))].join('\n');
}

export const ms = (value: number): string => `${value.toFixed(1)} ms`;
export const whole = (value: number): string => Math.round(value).toLocaleString('en');
export const megabytes = (value: number): string => `${Math.round(value)} MB`;
