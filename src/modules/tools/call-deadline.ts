/** However often a call says that it gets on, it ends after this many times its time. */
const MOST_EXTENSIONS = 20;

/** Time for one call; told of progress, it begins anew. */
export class CallDeadline {
  private readonly controller = new AbortController();
  private readonly latest: number;
  private timer: NodeJS.Timeout;

  constructor(private readonly timeoutMs: number) {
    this.latest = performance.now() + timeoutMs * MOST_EXTENSIONS;
    this.timer = this.start(timeoutMs);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  extend(): void {
    if (this.signal.aborted) return;
    clearTimeout(this.timer);
    this.timer = this.start(Math.min(this.timeoutMs, Math.max(0, this.latest - performance.now())));
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private start(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.controller.abort(), ms);
  }
}
