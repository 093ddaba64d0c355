import { Injectable } from '@nestjs/common';
import type { DomainEvent, DomainEventName } from '../../contracts/domain-events.js';

/** One of the named events, told apart by its `action`. */
type EventOf<N extends DomainEventName> = { [A in N]: DomainEvent<A> }[N];

type Handler = (event: DomainEvent) => Promise<void>;

/** Who waits for servers of others does so apart from those who do not: a slow one must not hold up what is ours. */
export const LANES = ['own', 'outside'] as const;
export type Lane = (typeof LANES)[number];

interface Consumer {
  readonly handler: Handler;
  readonly lane: Lane;
}

/** Who wants to be told of which events. Filled while the application starts, in `onModuleInit`. */
@Injectable()
export class EventConsumers {
  private readonly told = new Map<DomainEventName, Map<string, Consumer>>();

  /**
   * `handler` is called at least once for each event, in no order, possibly twice at a time: it must be idempotent by
   * the event's id. It runs as a job of the event's tenant and may take 30 s. `consumer` is stored: never rename it.
   * In the lane `outside` it may wait for servers of others.
   * @throws when this consumer is already told of one of the actions.
   */
  on<N extends DomainEventName>(
    consumer: string,
    actions: readonly N[],
    handler: (event: EventOf<N>) => Promise<void>,
    lane: Lane = 'own',
  ): void {
    for (const action of actions) {
      const ofAction = this.told.get(action) ?? new Map<string, Consumer>();
      if (ofAction.has(consumer)) throw new Error(`The consumer ${consumer} is registered for ${action} twice`);
      ofAction.set(consumer, { handler: handler as Handler, lane });
      this.told.set(action, ofAction);
    }
  }

  /** Names of those who are told of `action`, in all lanes or in one. */
  of(action: DomainEventName, only?: Lane): string[] {
    return [...(this.told.get(action) ?? [])].flatMap(([consumer, { lane }]) =>
      lane === (only ?? lane) ? consumer : [],
    );
  }

  handler(consumer: string, action: DomainEventName): Handler | undefined {
    return this.told.get(action)?.get(consumer)?.handler;
  }

  pairs(only?: Lane): { consumer: string; action: DomainEventName }[] {
    return [...this.told.keys()].flatMap((action) => this.of(action, only).map((consumer) => ({ consumer, action })));
  }
}
