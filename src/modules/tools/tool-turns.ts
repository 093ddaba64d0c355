import { AsyncResource } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import PQueue from 'p-queue';
import { currentTenantActor } from '../../platform/access/scope.js';

/** Calls of one tenant that a process carries out at a time. */
const AT_A_TIME = 50;

/** One tenant's slow tools keep nobody else's waiting, nor this process's memory. */
@Injectable()
export class ToolTurns {
  private readonly lines = new Map<string, PQueue>();

  take<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const { tenantId } = currentTenantActor();
    const line = this.lines.get(tenantId) ?? new PQueue({ concurrency: AT_A_TIME });
    this.lines.set(tenantId, line);
    // A queue's tasks run in the scope of whoever added them only if they are bound to it.
    const done = line.add(AsyncResource.bind(call), { signal });
    return done.finally(() => {
      if (line.size === 0 && line.pending === 0 && this.lines.get(tenantId) === line) this.lines.delete(tenantId);
    });
  }
}
