import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { DomainEventName } from '../../contracts/domain-events.js';
import { Db } from '../database/db.js';
import { EventConsumers, LANES, type Lane } from './event-consumers.js';
import { OutboxLane } from './outbox-lane.js';

/** Tells consumers of events: at once after their commit, and by a sweep of what a crash or a failure left. */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly lanes: readonly { name: Lane; lane: OutboxLane }[];

  constructor(
    db: Db,
    private readonly consumers: EventConsumers,
  ) {
    this.lanes = LANES.map((name) => ({ name, lane: new OutboxLane(db, consumers, name) }));
  }

  onApplicationBootstrap(): void {
    for (const { lane } of this.lanes) lane.start();
  }

  /** There is something to be told of `action`, or of anything. */
  kick(action?: DomainEventName): void {
    for (const { name, lane } of this.lanes)
      if (action === undefined || this.consumers.of(action, name).length > 0) lane.kick();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.lanes.map(({ lane }) => lane.stop()));
  }
}
