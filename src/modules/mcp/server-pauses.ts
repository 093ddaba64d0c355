import { ExponentialBackoff, halfJitterGenerator } from 'cockatiel';

const BACKOFF = { generator: halfJitterGenerator, maxDelay: 30_000 };
const MOST = 5_000;

interface Pause {
  until: number;
  error: unknown;
  next: ReturnType<ExponentialBackoff<never>['next']>;
}

/** How long after something could not be done with a server it may be tried again, longer with each time that fails. */
export class ServerPauses {
  private readonly pauses = new Map<string, Pause>();

  /** `initialDelay`: about so many milliseconds after the first failure. */
  constructor(private readonly initialDelay = 250) {}

  failed(key: string, error: unknown): void {
    const next = this.pauses.get(key)?.next.next(undefined) ?? this.first();
    this.pauses.delete(key);
    this.pauses.set(key, { until: performance.now() + next.duration, error, next });
    const [oldest] = this.pauses.keys();
    if (this.pauses.size > MOST && oldest !== undefined) this.pauses.delete(oldest);
  }

  private first(): Pause['next'] {
    return new ExponentialBackoff({ ...BACKOFF, initialDelay: this.initialDelay }).next();
  }

  succeeded(key: string): void {
    this.pauses.delete(key);
  }

  /** Milliseconds. */
  leftOf(key: string): number {
    return Math.max(0, (this.pauses.get(key)?.until ?? 0) - performance.now());
  }

  failureOf(key: string): unknown {
    return this.pauses.get(key)?.error;
  }

  forget(prefix: string): void {
    for (const key of this.pauses.keys()) if (key.startsWith(prefix)) this.pauses.delete(key);
  }
}
