import { Logger } from '@nestjs/common';
import type { TenantActor } from '../access/actor.js';
import type { Authenticator } from '../access/authenticator.js';

/** A credential may have been revoked between its check and the moment from which the stream hears of it. */
const FIRST_RECHECK_MS = 500;

interface StreamAccessOptions {
  authenticator: Authenticator;
  /** What the request came with. */
  credential: string;
  actor: TenantActor;
  recheckMs: number;
  /** The credential was revoked, or its owner has another role now. Called at most once. */
  onEnded: () => void;
}

/**
 * Asks again and again whether a stream's credential still counts, since the signal of a revocation may be lost. That an
 * access token expires meanwhile does not end a stream that it was good enough to open.
 */
export class StreamAccess {
  private readonly logger = new Logger('StreamAccess');
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly options: StreamAccessOptions) {
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
    const { authenticator, credential, actor, recheckMs, onEnded } = this.options;
    try {
      const known = await authenticator.authenticate(credential, { evenExpired: true });
      if (this.stopped) return;
      if (known?.actor.role !== actor.role) {
        this.stop();
        onEnded();
        return;
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'Access could not be checked again');
    }
    if (!this.stopped) this.checkIn(recheckMs);
  }
}
