import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { currentTenantActor } from '../../platform/access/scope.js';
import { openTransaction } from '../../platform/database/transaction.js';
import { Live } from '../../platform/live/live.js';
import { HooksRepository, type ActiveHook } from './hooks.repository.js';

/** A change that another process did not hear of holds there after so long. */
const OLDEST_MS = 5_000;
const MOST_TENANTS = 10_000;

interface Known {
  readonly hooks: Promise<readonly ActiveHook[]>;
  readonly since: number;
}

/** Which hooks a tenant has, so that the calls of tenants without any cost no query. */
@Injectable()
export class HookCache implements OnModuleInit, OnModuleDestroy {
  private readonly known = new Map<string, Known>();
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly hooks: HooksRepository,
    private readonly live: Live,
  ) {}

  onModuleInit(): void {
    this.stopListening = this.live.onSignal('hooks.changed', ({ tenantId }) => void this.known.delete(tenantId));
  }

  onModuleDestroy(): void {
    this.stopListening();
  }

  /** Of the current tenant, in the order in which they are called. */
  async active(): Promise<readonly ActiveHook[]> {
    // A transaction that waits for what another reads could be what the other waits for.
    if (openTransaction()) return this.hooks.active();
    const { tenantId } = currentTenantActor();
    const known = this.known.get(tenantId);
    if (known && performance.now() - known.since < OLDEST_MS) return known.hooks;
    if (this.known.size >= MOST_TENANTS) this.known.clear();
    const read: Known = { hooks: this.hooks.active(), since: performance.now() };
    this.known.set(tenantId, read);
    try {
      return await read.hooks;
    } catch (error) {
      if (this.known.get(tenantId) === read) this.known.delete(tenantId);
      throw error;
    }
  }
}
