const LONGEST_PAUSE_MS = 30_000;
const MOST = 10_000;

/** What this process rang for lately, so that work waiting for a free slot is not rung for at every pass. */
export class RecentRings {
  private readonly known = new Map<string, { pauseMs: number; dueAt: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * True when it is time to ring for `key`, which is thereby remembered: at first, again after `firstPauseMs`, then
   * after pauses that double up to 30 s.
   */
  due(key: string, firstPauseMs: number): boolean {
    const now = this.now();
    const last = this.known.get(key);
    if (last && now < last.dueAt) return false;
    const pauseMs = Math.min(last ? last.pauseMs * 2 : firstPauseMs, LONGEST_PAUSE_MS);
    this.known.delete(key);
    this.known.set(key, { pauseMs, dueAt: now + pauseMs });
    if (this.known.size > MOST) this.forgetOldest();
    return true;
  }

  private forgetOldest(): void {
    for (const key of this.known.keys()) {
      this.known.delete(key);
      return;
    }
  }
}
