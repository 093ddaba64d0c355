import { Injectable } from '@nestjs/common';
import type { DomainEvent, DomainEventName } from '../../contracts/domain-events.js';

/** One of the named events, told apart by its `action`. */
type EventOf<N extends DomainEventName> = { [A in N]: DomainEvent<A> }[N];

type Handler = (event: DomainEvent) => Promise<void>;

/** Who wants to be told of which events. Filled while the application starts, in `onModuleInit`. */
@Injectable()
export class EventConsumers {
  private readonly handlers = new Map<DomainEventName, Map<string, Handler>>();

  /**
   * `handler` is called at least once for each event, in no order, possibly twice at a time: it must be idempotent by
   * the event's id. It runs as a job of the event's tenant and may take 30 s. `consumer` is stored: never rename it.
   * @throws when this consumer is already told of one of the actions.
   */
  on<N extends DomainEventName>(
    consumer: string,
    actions: readonly N[],
    handler: (event: EventOf<N>) => Promise<void>,
  ): void {
    for (const action of actions) {
      const ofAction = this.handlers.get(action) ?? new Map<string, Handler>();
      if (ofAction.has(consumer)) throw new Error(`The consumer ${consumer} is registered for ${action} twice`);
      ofAction.set(consumer, handler as Handler);
      this.handlers.set(action, ofAction);
    }
  }

  /** Names of those who are told of `action`. */
  of(action: DomainEventName): string[] {
    return [...(this.handlers.get(action)?.keys() ?? [])];
  }

  handler(consumer: string, action: DomainEventName): Handler | undefined {
    return this.handlers.get(action)?.get(consumer);
  }

  pairs(): { consumer: string; action: DomainEventName }[] {
    return [...this.handlers].flatMap(([action, ofAction]) =>
      [...ofAction.keys()].map((consumer) => ({ consumer, action })),
    );
  }
}
