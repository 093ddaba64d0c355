const FIRST_MS = 1_000;
const LONGEST_MS = 3_600_000;

/** Pause after the nth failed attempt (from 1), in ms: doubling from a second to an hour. */
export function retryDelayMs(attempts: number): number {
  return Math.min(FIRST_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_MS);
}
