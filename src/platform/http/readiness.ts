import { Injectable } from '@nestjs/common';

export type Phase = 'starting' | 'ready' | 'stopping';

/** Whether this process wants requests: not before it has started, and not from the moment it is told to stop. */
@Injectable()
export class Readiness {
  private current: Phase = 'starting';

  get phase(): Phase {
    return this.current;
  }

  /** Called when migrations are done and everything has started; without effect once it is stopping. */
  markReady(): void {
    if (this.current === 'starting') this.current = 'ready';
  }

  markStopping(): void {
    this.current = 'stopping';
  }
}
