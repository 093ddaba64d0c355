import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import type { DomainEventName, DomainEvents } from '../../contracts/domain-events.js';
import type { Actor } from '../access/actor.js';
import { currentActor, currentScope } from '../access/scope.js';
import { Db } from '../database/db.js';
import { openTransaction } from '../database/transaction.js';
import { EventConsumers } from './event-consumers.js';
import { OutboxRelay } from './outbox.relay.js';

interface Publication<N extends DomainEventName> {
  resourceType: string;
  resourceId: string | null;
  payload: DomainEvents[N];
  /** What the audit log shows as changed; secrets never. */
  changes?: Record<string, unknown> | null;
  /** Named by a system actor, who is in no tenant; for any other it is the actor's. */
  tenantId?: string;
  /** False: it tells of a failure, after which an `Idempotency-Key` is free again. */
  bindsKey?: boolean;
}

/** One statement, so that events cost one round trip whatever their number and that of their consumers. */
const INSERT = `
  WITH event AS (
    INSERT INTO events (tenant_id, id, action, actor_type, actor_id, resource_type, resource_id, ip, correlation_id,
                        payload, changes)
    SELECT :tenantId::uuid, about.id, :action, :actorType, :actorId::uuid, :resourceType, about.resource, :ip,
           :correlationId, :payload::jsonb, :changes::jsonb
    FROM unnest(:ids::uuid[], :resourceIds::uuid[]) AS about (id, resource)
    RETURNING tenant_id, id)
  INSERT INTO outbox (tenant_id, event_id, consumer)
  SELECT event.tenant_id, event.id, consumer FROM event, unnest(:consumers::text[]) AS consumer`;

@Injectable()
export class Events {
  constructor(
    private readonly db: Db,
    private readonly consumers: EventConsumers,
    private readonly relay: OutboxRelay,
  ) {}

  /**
   * Stores that `action` happened, for the audit log and for those to be told, in the transaction of the change itself.
   * @throws outside of `db.run`, and when the tenant is missing (system actors) or another's.
   */
  async publish<N extends DomainEventName>(action: N, event: Publication<N>): Promise<void> {
    await this.publishEach(action, event, [event.resourceId]);
  }

  /** The same that happened to several resources at once: an event each, in one statement. */
  async publishEach<N extends DomainEventName>(
    action: N,
    event: Omit<Publication<N>, 'resourceId'>,
    resourceIds: readonly (string | null)[],
  ): Promise<void> {
    if (!openTransaction()) throw new Error(`${action} must be published in the transaction of the change it tells of`);
    const actor = currentActor();
    const { correlationId, ip, askedBy } = currentScope();
    const author = actor.kind === 'system' ? askedBy : actor;
    const consumers = this.consumers.of(action);
    const parameters = {
      tenantId: tenantOf(actor, action, event.tenantId),
      ids: resourceIds.map(() => v7()),
      action,
      actorType: author?.kind ?? 'system',
      actorId: author?.userId ?? null,
      resourceType: event.resourceType,
      resourceIds,
      ip,
      correlationId,
      payload: JSON.stringify(event.payload),
      changes: event.changes ? JSON.stringify(event.changes) : null,
      consumers,
    };
    await (actor.kind === 'system' ? this.db.systemSql(INSERT, parameters) : this.db.sql(INSERT, parameters));
    // A keyed request is bound to what it changes, so that a repetition can answer with it.
    const [first = null] = resourceIds;
    if (first !== null && event.bindsKey !== false) await currentScope().bindIdempotency?.(first, event.resourceType);
    if (consumers.length > 0) this.db.afterCommit(() => this.relay.kick(action));
  }
}

function tenantOf(actor: Actor, action: DomainEventName, named: string | undefined): string {
  if (actor.kind === 'system') {
    if (named === undefined) throw new Error(`A system actor (${actor.reason}) must name the tenant of ${action}`);
    return named;
  }
  if (named !== undefined && named !== actor.tenantId) throw new Error(`${action} is of another tenant than its actor`);
  return actor.tenantId;
}
