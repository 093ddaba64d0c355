/** What a user says to get the paced answer; anything else gets the instant one. */
export const PACED = 'paced turn';
export const INSTANT = 'instant turn';

/** Milliseconds on the machine's monotonic clock, the same in all its processes. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function stampOf(ms: number): string {
  return `sent at <${ms.toFixed(3)}>`;
}

/** The time in the last delta; NaN when the text has none. */
export function stampIn(text: string): number {
  return Number(/sent at <([\d.]+)>/.exec(text)?.[1]);
}
