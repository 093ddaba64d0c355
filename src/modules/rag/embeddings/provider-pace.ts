export interface PaceLimits {
  readonly concurrency: number;
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
}

interface Waiting {
  readonly tokens: number;
  readonly go: () => void;
}

const MINUTE_MS = 60_000;

/**
 * Spreads this process's calls of a provider over time, so that it seldom has to refuse one; where many processes share
 * its limits, it does refuse, and `holdFor` what it asks for holds for all calls. Queries pass documents: someone waits.
 */
export class ProviderPace {
  private readonly lines = { query: [] as Waiting[], document: [] as Waiting[] };
  private active = 0;
  private requests: Bucket;
  private tokens: Bucket;
  private heldUntil = -Infinity;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly limits: PaceLimits) {
    this.requests = new Bucket(limits.requestsPerMinute);
    this.tokens = new Bucket(limits.tokensPerMinute);
  }

  /** Waits for its turn; whoever was given it calls what it is given when the call is over. */
  async begin(purpose: 'query' | 'document', tokens: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const line = this.lines[purpose];
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        tokens: Math.min(tokens, this.limits.tokensPerMinute),
        go: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = () => {
        line.splice(line.indexOf(waiting), 1);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a signal's reason is thrown as it is
        reject(signal.reason);
        this.move();
      };
      signal.addEventListener('abort', leave, { once: true });
      line.push(waiting);
      this.move();
    });
    return () => {
      this.active -= 1;
      this.move();
    };
  }

  holdFor(ms: number): void {
    this.heldUntil = Math.max(this.heldUntil, performance.now() + ms);
  }

  /** One call is kept for queries. */
  private most(line: Waiting[]): number {
    const { concurrency } = this.limits;
    return line === this.lines.query ? concurrency : Math.max(1, concurrency - 1);
  }

  private move(): void {
    clearTimeout(this.timer);
    for (;;) {
      const line = this.lines.query.length > 0 ? this.lines.query : this.lines.document;
      const [first] = line;
      if (!first || this.active >= this.most(line)) return;
      const now = performance.now();
      const waitMs = Math.max(
        this.heldUntil - now,
        this.requests.waitFor(1, now),
        this.tokens.waitFor(first.tokens, now),
      );
      if (waitMs > 0) {
        this.timer = setTimeout(() => this.move(), Math.ceil(waitMs));
        // What waits for it keeps the process alive by itself.
        this.timer.unref();
        return;
      }
      this.requests.take(1, now);
      this.tokens.take(first.tokens, now);
      this.active += 1;
      line.shift();
      first.go();
    }
  }
}

/** Refills evenly; full at first. */
class Bucket {
  private held: number;
  private at = performance.now();

  constructor(private readonly perMinute: number) {
    this.held = perMinute;
  }

  waitFor(amount: number, now: number): number {
    this.refill(now);
    return this.held >= amount ? 0 : ((amount - this.held) / this.perMinute) * MINUTE_MS;
  }

  take(amount: number, now: number): void {
    this.refill(now);
    this.held -= amount;
  }

  private refill(now: number): void {
    this.held = Math.min(this.perMinute, this.held + ((now - this.at) / MINUTE_MS) * this.perMinute);
    this.at = now;
  }
}
