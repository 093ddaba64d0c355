import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import type { DomainEvent } from '../src/contracts/domain-events.js';
import { Actor } from '../src/platform/access/actor.js';
import { currentActor, currentScope, inScope, newScope, runAs } from '../src/platform/access/scope.js';
import type { Db } from '../src/platform/database/db.js';
import { openTransaction } from '../src/platform/database/transaction.js';
import { EventConsumers } from '../src/platform/events/event-consumers.js';
import { Events } from '../src/platform/events/events.js';
import { OutboxRelay } from '../src/platform/events/outbox.relay.js';
import { openTestDatabase } from './database.js';
import { asSystem, eventually, givenTenant } from './platform-fixtures.js';

let db: Db;
let close: () => Promise<void>;
const relays: OutboxRelay[] = [];

beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});

afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.beforeApplicationShutdown()));
  await asSystem(db, 'DELETE FROM outbox');
  jest.restoreAllMocks();
});

afterAll(() => close());

/** What one process has of the platform's events. */
function givenProcess() {
  const consumers = new EventConsumers();
  const relay = new OutboxRelay(db, consumers);
  relays.push(relay);
  return { consumers, relay, events: new Events(db, consumers, relay) };
}

function createAgent(events: Events, tenantId: string, agentId: string | null = v7()): Promise<void> {
  return runAs(Actor.job(tenantId), () =>
    db.run(() =>
      events.publish('agent.created', { resourceType: 'agent', resourceId: agentId, payload: { name: 'A' } }),
    ),
  );
}

const outbox = (tenantId: string) =>
  asSystem<{ consumer: string; attempts: number }>(
    db,
    'SELECT consumer, attempts FROM outbox WHERE tenant_id = :tenantId',
    { tenantId },
  );

describe('Publishing an event', () => {
  it('stores who did what to what, where from, in the transaction of the change', async () => {
    const tenantId = await givenTenant(db);
    const [userId, agentId] = [v7(), v7()];
    const { events } = givenProcess();
    const actor = { ...Actor.job(tenantId, userId), kind: 'user' as const };
    await inScope(newScope({ actor, correlationId: 'request-1', ip: '203.0.113.7' }), () =>
      db.run(() =>
        events.publish('agent.updated', {
          resourceType: 'agent',
          resourceId: agentId,
          payload: { version: 2 },
          changes: { name: { from: 'A', to: 'B' } },
        }),
      ),
    );
    const stored = await runAs(actor, () => db.sql('SELECT * FROM events WHERE tenant_id = :tenantId'));
    expect(stored).toEqual([
      expect.objectContaining({
        action: 'agent.updated',
        actor_type: 'user',
        actor_id: userId,
        resource_type: 'agent',
        resource_id: agentId,
        ip: '203.0.113.7',
        correlation_id: 'request-1',
        payload: { version: 2 },
        changes: { name: { from: 'A', to: 'B' } },
      }),
    ]);
  });

  it('leaves nothing behind when the change is rolled back', async () => {
    const tenantId = await givenTenant(db);
    const { events, consumers } = givenProcess();
    const told = jest.fn(async () => undefined);
    consumers.on('test', ['agent.created'], told);
    const change = runAs(Actor.job(tenantId), () =>
      db.run(async () => {
        await events.publish('agent.created', { resourceType: 'agent', resourceId: v7(), payload: { name: 'A' } });
        throw new Error('rolled back');
      }),
    );
    await expect(change).rejects.toThrow('rolled back');
    expect(await outbox(tenantId)).toEqual([]);
    expect(await asSystem(db, 'SELECT id FROM events WHERE tenant_id = :tenantId', { tenantId })).toEqual([]);
    expect(told).not.toHaveBeenCalled();
  });

  it('is refused outside of a transaction', async () => {
    const tenantId = await givenTenant(db);
    const { events } = givenProcess();
    const publication = { resourceType: 'agent', resourceId: null, payload: {} };
    await expect(runAs(Actor.job(tenantId), () => events.publish('agent.deleted', publication))).rejects.toThrow(
      'transaction',
    );
  });

  it('takes the tenant from the actor, or from a system actor who names it', async () => {
    const [tenantId, otherId] = [await givenTenant(db), await givenTenant(db)];
    const { events } = givenProcess();
    const publish = (actor: Actor, named?: string) =>
      runAs(actor, () =>
        db.run(() =>
          events.publish('tenant.updated', { resourceType: 'tenant', resourceId: null, payload: {}, tenantId: named }),
        ),
      );
    await expect(publish(Actor.job(tenantId), otherId)).rejects.toThrow('another tenant');
    await expect(publish(Actor.system('test'))).rejects.toThrow('must name the tenant');
    await publish(Actor.system('test'), otherId);
    const rows = await asSystem(db, 'SELECT tenant_id, actor_type, actor_id FROM events WHERE tenant_id IN (:a, :b)', {
      a: tenantId,
      b: otherId,
    });
    expect(rows).toEqual([{ tenant_id: otherId, actor_type: 'system', actor_id: null }]);
  });

  it('tells the idempotency key of a request what it changes, inside the transaction', async () => {
    const tenantId = await givenTenant(db);
    const { events } = givenProcess();
    const [first, second] = [v7(), v7()];
    const bound: string[][] = [];
    const bindIdempotency = async (id: string, type: string) => {
      await db.sql('SELECT 1 WHERE :tenantId::uuid IS NOT NULL');
      if (openTransaction()) bound.push([id, type]);
    };
    await inScope(newScope({ actor: Actor.job(tenantId), bindIdempotency }), () =>
      db.run(async () => {
        for (const resourceId of [null, first, second]) {
          await events.publish('agent.deleted', { resourceType: 'agent', resourceId, payload: {} });
        }
      }),
    );
    expect(bound).toEqual([
      [first, 'agent'],
      [second, 'agent'],
    ]);
  });
});

describe('The outbox relay', () => {
  it('tells each consumer once the change is committed, as a job of the tenant', async () => {
    const tenantId = await givenTenant(db);
    const agentId = v7();
    const { events, consumers } = givenProcess();
    const told: unknown[] = [];
    const consume = (name: string) => async (event: DomainEvent<'agent.created'>) => {
      told.push([name, event.resourceId, event.payload.name, event.at, currentActor(), currentScope().correlationId]);
    };
    consumers.on('one', ['agent.created'], consume('one'));
    consumers.on('two', ['agent.created', 'agent.deleted'], async (event) => {
      if (event.action === 'agent.created') await consume('two')(event);
    });
    await inScope(newScope({ correlationId: 'request-2' }), () => createAgent(events, tenantId, agentId));
    await eventually(
      () => outbox(tenantId),
      (rows) => rows.length === 0,
    );
    const actor = expect.objectContaining({ kind: 'job', tenantId });
    expect(told).toHaveLength(2);
    expect(told).toContainEqual(['one', agentId, 'A', expect.any(Date), actor, 'request-2']);
    expect(told).toContainEqual(['two', agentId, 'A', expect.any(Date), actor, 'request-2']);
  });

  it('goes on with others while one fails, and tries that one again later', async () => {
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const tenantId = await givenTenant(db);
    const { events, consumers, relay } = givenProcess();
    let broken = true;
    const told: string[] = [];
    consumers.on('broken', ['agent.created'], async ({ id }) => {
      if (broken) throw new Error('broken');
      told.push(`broken ${id}`);
    });
    consumers.on('well', ['agent.created'], async ({ id }) => {
      told.push(`well ${id}`);
    });
    await createAgent(events, tenantId);
    const [left] = await eventually(
      () => outbox(tenantId),
      (rows) => rows.length === 1 && rows[0]?.attempts === 1 && told.length === 1,
    );
    expect(left?.consumer).toBe('broken');
    broken = false;
    await asSystem(db, 'UPDATE outbox SET run_after = now()');
    relay.kick();
    await eventually(
      () => outbox(tenantId),
      (rows) => rows.length === 0,
    );
    expect(told).toHaveLength(2);
  });

  it('is not held up by consumers that wait for servers of others', async () => {
    const tenantId = await givenTenant(db);
    const { events, consumers } = givenProcess();
    const [all, ends] = [40, [] as (() => void)[]];
    const told: string[] = [];
    const slow = () => new Promise<void>((resolve) => ends.push(resolve));
    consumers.on('slow', ['agent.created'], slow, 'outside');
    consumers.on('well', ['agent.created'], async ({ id }) => void told.push(id));
    for (let i = 0; i < all; i++) await createAgent(events, tenantId);
    await eventually(
      () => outbox(tenantId),
      (rows) => told.length === all && rows.length === all && rows.every(({ consumer }) => consumer === 'slow'),
    );
    await eventually(
      () => {
        for (const end of ends.splice(0)) end();
        return outbox(tenantId);
      },
      (rows) => rows.length === 0,
    );
  });

  it('finds what a killed process left, once that one had its time', async () => {
    const tenantId = await givenTenant(db);
    const killed = givenProcess();
    let end: () => void = () => undefined;
    killed.consumers.on('test', ['agent.created'], () => new Promise<void>((resolve) => (end = resolve)));
    await createAgent(killed.events, tenantId);
    await eventually(
      () => outbox(tenantId),
      (rows) => rows[0]?.attempts === 1,
    );
    const other = givenProcess();
    const told = jest.fn(async () => undefined);
    other.consumers.on('test', ['agent.created'], told);
    other.relay.kick();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(told).not.toHaveBeenCalled();
    await asSystem(db, "UPDATE outbox SET run_after = run_after - interval '31 seconds'");
    other.relay.kick();
    await eventually(
      () => outbox(tenantId),
      (rows) => rows.length === 0,
    );
    expect(told).toHaveBeenCalledTimes(1);
    end();
  });

  it('leaves alone what is for consumers of another build', async () => {
    const tenantId = await givenTenant(db);
    const newer = givenProcess();
    newer.consumers.on('newer', ['agent.created'], async () => undefined);
    await newer.relay.beforeApplicationShutdown();
    const { consumers, relay } = givenProcess();
    consumers.on('older', ['agent.created'], async () => undefined);
    consumers.on('newer', ['agent.deleted'], async () => undefined);
    await createAgent(newer.events, tenantId);
    relay.kick();
    await relay.beforeApplicationShutdown();
    expect(await outbox(tenantId)).toEqual([expect.objectContaining({ consumer: 'newer', attempts: 0 })]);
  });

  it('tells each event once, however many processes relay and however many events there are', async () => {
    const tenantId = await givenTenant(db);
    const told: string[] = [];
    const processes = [givenProcess(), givenProcess(), givenProcess()];
    for (const { consumers } of processes) {
      consumers.on('test', ['agent.created'], async ({ id }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        told.push(id);
      });
    }
    const { events } = processes[0]!;
    await runAs(Actor.job(tenantId), () =>
      db.run(async () => {
        for (let i = 0; i < 100; i++) {
          await events.publish('agent.created', { resourceType: 'agent', resourceId: v7(), payload: { name: 'A' } });
        }
      }),
    );
    for (const { relay } of processes) relay.kick();
    await eventually(
      () => outbox(tenantId),
      (rows) => rows.length === 0,
    );
    expect(told).toHaveLength(100);
    expect(new Set(told).size).toBe(100);
  });
});
