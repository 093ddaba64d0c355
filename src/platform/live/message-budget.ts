const WINDOW_MS = 60_000;

/** So many messages a minute, counted from the first of each minute. */
export class MessageBudget {
  private windowEnds = 0;
  private spent = 0;

  constructor(private readonly perMinute: number) {}

  /** Null when there was one left, else the seconds until there is. */
  spend(now: number): number | null {
    if (now >= this.windowEnds) {
      this.windowEnds = now + WINDOW_MS;
      this.spent = 0;
    }
    if (this.spent < this.perMinute) {
      this.spent++;
      return null;
    }
    return Math.ceil((this.windowEnds - now) / 1000);
  }
}
