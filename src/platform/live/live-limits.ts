/** How far live streams may go; sizes in bytes, times in ms. The injection token is the class. */
export class LiveLimits {
  /** A reader with more unsent than this gets nothing until it has caught up; then it reads rows. */
  readonly unsentBytes: number = 1024 * 1024;
  /** A reader that takes nothing for so long while something waits for it is closed. */
  readonly stuckMs: number = 30_000;
  /** Live events are hints: a reader that saw none for so long asks the rows. */
  readonly quietMs: number = 5_000;
  /** Even a busy reader asks the rows this often, since one run's events say nothing of another's. */
  readonly recheckMs: number = 30_000;
  readonly pageRows: number = 200;
  readonly tickMs: number = 1_000;
  /** SSE comments that keep proxies from closing an idle stream. */
  readonly pingMs: number = 15_000;
  /** How soon a socket is closed whose revocation signal was lost. */
  readonly accessRecheckMs: number = 30_000;
  readonly followsPerSocket: number = 200;
}
