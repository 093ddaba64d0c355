import { Logger } from '@nestjs/common';

/** A credential may have been revoked between its check and the moment from which its stream or socket hears of it. */
const FIRST_RECHECK_MS = 500;

interface AccessWatchOptions {
  /** Whether access still is what it was; one that throws is asked again. */
  stillCounts: () => Promise<boolean>;
  recheckMs: number;
  /** Called at most once. */
  onEnded: () => void;
}

/** Asks again and again whether the access that opened a stream or socket still counts: the signal may be lost. */
export class AccessWatch {
  private readonly logger = new Logger('AccessWatch');
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly options: AccessWatchOptions) {
    this.checkIn(Math.min(FIRST_RECHECK_MS, options.recheckMs));
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private checkIn(ms: number): void {
    this.timer = setTimeout(() => void this.check(), ms).unref();
  }

  private async check(): Promise<void> {
    const { stillCounts, recheckMs, onEnded } = this.options;
    let counts = true;
    try {
      counts = await stillCounts();
    } catch (error) {
      this.logger.warn({ err: error }, 'Access could not be checked again');
    }
    if (this.stopped) return;
    if (counts) {
      this.checkIn(recheckMs);
    } else {
      this.stop();
      onEnded();
    }
  }
}
