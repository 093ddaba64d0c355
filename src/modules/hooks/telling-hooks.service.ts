import { Injectable, Logger } from '@nestjs/common';
import type { DomainEvent } from '../../contracts/domain-events.js';
import { Events } from '../../platform/events/events.js';
import { HookCache } from './hook-cache.js';
import { HookCaller } from './hook-caller.js';
import { HooksRepository } from './hooks.repository.js';

/** Who has not been there for so long is not told any more. */
const LONGEST_MS = 3 * 24 * 60 * 60 * 1000;

/** Tells the hooks of the current tenant what has happened: each at least once, over and over until it takes it. */
@Injectable()
export class TellingHooks {
  private readonly logger = new Logger('Hooks');

  constructor(
    private readonly cache: HookCache,
    private readonly caller: HookCaller,
    private readonly hooks: HooksRepository,
    private readonly events: Events,
  ) {}

  /** Ids of the hooks to be told when a run has completed; asked before the transaction that ends it. */
  async ofCompletedRuns(): Promise<string[]> {
    const hooks = await this.cache.active();
    return hooks.flatMap(({ id, event }) => (event === 'run.completed' ? id : []));
  }

  /** In the transaction that ends the run: an event for each hook, so that one that fails has no other told twice. */
  async runCompleted(hookIds: readonly string[], run: { id: string; sessionId: string }): Promise<void> {
    if (hookIds.length === 0) return;
    const payload = { runId: run.id, sessionId: run.sessionId };
    await this.events.publishEach('hook.runCompleted', { resourceType: 'hook', payload }, hookIds);
  }

  /** The event's id is the message's on every try. @throws where the hook has to be told again */
  async tell({ id, at, resourceId }: DomainEvent<'hook.runCompleted'>, run: object): Promise<void> {
    const hook = resourceId === null ? null : await this.hooks.find(resourceId);
    if (!hook?.enabled || hook.event !== 'run.completed') return;
    try {
      await this.caller.tell(hook, { run }, id);
    } catch (error) {
      if (Date.now() - at.getTime() < LONGEST_MS) throw error;
      const { id: hookId, tenantId } = hook;
      this.logger.warn(
        { err: error, hookId, tenantId, eventId: id },
        'A hook could not be told for days and is not any more',
      );
    }
  }
}
