import { AsyncLocalStorage } from 'node:async_hooks';
import { v7 } from 'uuid';
import type { Actor, TenantActor } from './actor.js';

/** What surrounds one request, socket message or job. */
export interface Scope {
  readonly correlationId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  actor: Actor | null;
  /** Who asked for what a system actor does here; the audit log names them. */
  readonly askedBy: TenantActor | null;
  /** Called with each resource that a keyed request changes, inside the transaction that changes it. */
  bindIdempotency: ((resourceId: string, resourceType: string) => Promise<void>) | null;
}

const storage = new AsyncLocalStorage<Scope>();

export function newScope(part: Partial<Scope> = {}): Scope {
  const { correlationId = v7() } = part;
  return { ip: null, userAgent: null, actor: null, askedBy: null, bindIdempotency: null, ...part, correlationId };
}

export function inScope<T>(scope: Scope, fn: () => T): T {
  return storage.run(scope, fn);
}

/** Runs `fn` as another actor; correlation goes on. An open transaction of the present actor can't be joined. */
export function runAs<T>(actor: Actor, fn: () => T): T {
  const { correlationId, ip, userAgent, ...outer } = storage.getStore() ?? newScope();
  const asker = outer.actor && outer.actor.kind !== 'system' ? outer.actor : outer.askedBy;
  const forAsker = actor.kind === 'system' ? { askedBy: asker, bindIdempotency: outer.bindIdempotency } : {};
  return storage.run(newScope({ correlationId, ip, userAgent, actor, ...forAsker }), fn);
}

/** Undefined outside of any request or job, for example while logging at start-up. */
export function scopeIfAny(): Scope | undefined {
  return storage.getStore();
}

export function currentScope(): Scope {
  const scope = storage.getStore();
  if (!scope) throw new Error('No scope is open: this code runs outside of a request, socket message or job');
  return scope;
}

export function currentActor(): Actor {
  const { actor } = currentScope();
  if (!actor) throw new Error('No actor is known: this code runs before access was checked');
  return actor;
}

export function currentTenantActor(): TenantActor {
  const actor = currentActor();
  if (actor.kind === 'system') throw new Error(`A system actor (${actor.reason}) is in no tenant`);
  return actor;
}

/** The guard, the socket wrapper or the job handler does this once. */
export function fillActor(actor: Actor): void {
  const scope = currentScope();
  if (scope.actor) throw new Error('The actor of this scope is already known');
  scope.actor = actor;
}
