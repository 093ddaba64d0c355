import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { currentTenantActor } from '../../platform/access/scope.js';
import { RecentReads } from '../../platform/database/recent-reads.js';
import { Live } from '../../platform/live/live.js';
import { HooksRepository, type ActiveHook } from './hooks.repository.js';

/** Which hooks a tenant has, so that the calls of tenants without any cost no query. */
@Injectable()
export class HookCache implements OnModuleInit, OnModuleDestroy {
  private readonly reads = new RecentReads<readonly ActiveHook[]>();
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly hooks: HooksRepository,
    private readonly live: Live,
  ) {}

  onModuleInit(): void {
    this.stopListening = this.live.onSignal('hooks.changed', ({ tenantId }) => this.reads.forget(tenantId));
  }

  onModuleDestroy(): void {
    this.stopListening();
  }

  /** Of the current tenant, in the order in which they are called. */
  async active(): Promise<readonly ActiveHook[]> {
    return this.reads.get(currentTenantActor().tenantId, () => this.hooks.active());
  }
}
