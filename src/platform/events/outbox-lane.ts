import { Logger } from '@nestjs/common';
import PQueue from 'p-queue';
import type { DomainEvent } from '../../contracts/domain-events.js';
import { Actor } from '../access/actor.js';
import { inScope, newScope } from '../access/scope.js';
import type { Db } from '../database/db.js';
import { RepeatedPass } from '../jobs/repeated-pass.js';
import { settledWithin } from '../jobs/settled-within.js';
import type { EventConsumers, Lane } from './event-consumers.js';
import { retryDelayMs } from './retry-delay.js';

/** An event on its way to one consumer. */
type Delivery = DomainEvent & { consumer: string; attempts: number; correlationId: string };

const SWEEP_MS = 2_000;
const SLOTS = 16;
const HANDLER_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;

/**
 * A row taken comes due again by itself, 30 s later at first and then ever more slowly, so that a process that dies
 * leaves nothing behind, nor falls over the same event all the time.
 */
const TAKE = `
  WITH due AS (
    SELECT o.tenant_id, o.event_id, o.consumer
    FROM outbox o JOIN events e ON e.tenant_id = o.tenant_id AND e.id = o.event_id
    WHERE o.run_after <= now()
      AND (o.consumer, e.action) IN (SELECT * FROM unnest(:consumers::text[], :actions::text[]))
    ORDER BY o.run_after LIMIT :limit
    FOR UPDATE OF o SKIP LOCKED),
  taken AS (
    UPDATE outbox o
    SET attempts = o.attempts + 1, run_after = now() + interval '30 seconds' * 2 ^ least(o.attempts, 7)
    FROM due WHERE (o.tenant_id, o.event_id, o.consumer) = (due.tenant_id, due.event_id, due.consumer)
    RETURNING o.*)
  SELECT e.tenant_id AS "tenantId", e.id, e.at, e.action, e.actor_id AS "actorId", e.resource_type AS "resourceType",
         e.resource_id AS "resourceId", e.payload, e.correlation_id AS "correlationId", taken.consumer, taken.attempts
  FROM taken JOIN events e ON e.tenant_id = taken.tenant_id AND e.id = taken.event_id`;

const DELETE = 'DELETE FROM outbox WHERE tenant_id = :tenantId AND event_id = :id AND consumer = :consumer';

const POSTPONE = `
  UPDATE outbox SET run_after = now() + interval '1 millisecond' * :delayMs
  WHERE tenant_id = :tenantId AND event_id = :id AND consumer = :consumer`;

/** Tells the consumers of one lane: when kicked, and by a sweep of what a crash or a failure left. */
export class OutboxLane {
  private readonly logger = new Logger('OutboxRelay');
  private readonly slots = new PQueue({ concurrency: SLOTS, timeout: HANDLER_LIMIT_MS });
  private readonly passes = new RepeatedPass({ everyMs: SWEEP_MS, logger: this.logger, pass: () => this.pass() });

  constructor(
    private readonly db: Db,
    private readonly consumers: EventConsumers,
    private readonly lane: Lane,
  ) {}

  start(): void {
    this.passes.start();
  }

  kick(): void {
    this.passes.kick();
  }

  /** Waits for the handlers at work; what one has not finished in time is told again elsewhere. */
  async stop(): Promise<void> {
    await settledWithin(
      STOP_LIMIT_MS,
      this.passes.stop().then(() => this.slots.onIdle()),
    );
  }

  /** Takes what is due, never more than can begin at once; ends when there is no more, not when all are told. */
  private async pass(): Promise<undefined> {
    for (;;) {
      const free = SLOTS - this.slots.pending;
      const deliveries = await this.take(free);
      for (const delivery of deliveries) this.begin(delivery);
      if (deliveries.length < free) return;
      while (this.slots.pending > SLOTS / 2) await this.oneEnds();
    }
  }

  private async take(limit: number): Promise<Delivery[]> {
    const pairs = this.consumers.pairs(this.lane);
    if (pairs.length === 0) return [];
    return inScope(newScope({ actor: Actor.system('outbox relay') }), () =>
      this.db.systemSql<Delivery>(TAKE, {
        consumers: pairs.map((pair) => pair.consumer),
        actions: pairs.map((pair) => pair.action),
        limit,
      }),
    );
  }

  private begin(delivery: Delivery): void {
    this.slots
      .add(() => this.deliver(delivery))
      .catch(() => this.warn(delivery, 'takes too long; it goes on, and will be told again'));
  }

  private async deliver({ consumer, attempts, correlationId, ...event }: Delivery): Promise<void> {
    const actor = Actor.job(event.tenantId, event.actorId);
    const row = { id: event.id, consumer };
    await inScope(newScope({ correlationId, actor }), async () => {
      try {
        await this.consumers.handler(consumer, event.action)?.(event);
        await this.db.sql(DELETE, row);
      } catch (error) {
        this.warn({ consumer, correlationId, ...event }, 'failed, will be told again', error);
        await this.db.sql(POSTPONE, { ...row, delayMs: retryDelayMs(attempts) }).catch(() => undefined); // The database is away: the row comes due by itself.
      }
    });
  }

  private async oneEnds(): Promise<void> {
    await new Promise<void>((resolve) => this.slots.addEventListener('next', () => resolve(), { once: true }));
  }

  private warn(delivery: Omit<Delivery, 'attempts'>, what: string, err?: unknown): void {
    const { consumer, action, id, tenantId, correlationId } = delivery;
    this.logger.warn({ err, eventId: id, tenantId, correlationId }, `Consumer ${consumer} of ${action} ${what}`);
  }
}
