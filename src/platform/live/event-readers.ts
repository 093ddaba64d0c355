import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { currentTenantActor } from '../access/scope.js';
import { EventReader, type Following } from './event-reader.js';
import { Live } from './live.js';
import { LiveLimits } from './live-limits.js';
import { SharedReads } from './shared-reads.js';

/** All readers of this process. */
@Injectable()
export class EventReaders implements BeforeApplicationShutdown {
  private readonly readers = new Set<EventReader>();
  private readonly reads = new SharedReads();
  private ticker: NodeJS.Timeout | undefined;
  private closing = false;

  constructor(
    private readonly live: Live,
    private readonly limits: LiveLimits,
  ) {}

  /**
   * A reader that is subscribed and knows where the runs stand; it shows nothing before `begin()`. The caller has checked
   * that the current actor may follow. Throws what the source throws.
   */
  async open(following: Following): Promise<EventReader> {
    const { userId, role } = currentTenantActor();
    const { live, reads, limits } = this;
    const reader = new EventReader(following, { live, reads, limits, follower: `${userId} ${role}` });
    this.readers.add(reader);
    void reader.ended.then(() => this.forget(reader));
    // One clock for all, so that readers of the same rows ask for them together.
    this.ticker ??= setInterval(() => this.tick(), this.limits.tickMs).unref();
    await reader.open();
    if (this.closing) reader.stop();
    return reader;
  }

  beforeApplicationShutdown(): void {
    this.closing = true;
    for (const reader of this.readers) reader.stop();
  }

  private tick(): void {
    const now = performance.now();
    for (const reader of this.readers) reader.tick(now);
  }

  private forget(reader: EventReader): void {
    this.readers.delete(reader);
    if (this.readers.size > 0) return;
    clearInterval(this.ticker);
    this.ticker = undefined;
  }
}
