import { Injectable, type Type } from '@nestjs/common';
import type { AccessRule } from '../access/access.decorator.js';
import type { EventReader } from './event-reader.js';
import type { EventSink } from './event-sink.js';

/** The connection by which a message came, as far as a handler may use it. */
export interface MessageConnection {
  /**
   * Shows events to the client until it unfollows or leaves; `open` gives a reader made by `EventReaders`, which begins
   * when the message has been acknowledged. Replaces what was followed under the same key.
   */
  follow(key: string, open: (sink: EventSink) => Promise<EventReader>): Promise<void>;
  unfollow(key: string): void;
  /** Goes on with another credential of the same user and tenant. Returns when that one ends. */
  renew(credential: string): Promise<Date | null>;
}

export interface SocketHandler<P extends object> {
  /** Who may send it; `{}` is anyone who could connect. */
  access: Omit<AccessRule, 'rate'>;
  /** The DTO of the message's one argument, validated as a request body is. */
  payload: Type<P>;
  /** Runs in a scope of its own with the actor as of now; what it returns is acknowledged with `ok: true`. */
  handle(payload: P, connection: MessageConnection): Promise<object>;
}

/** What clients can send. Filled while the application starts, in `onModuleInit`. */
@Injectable()
export class SocketHandlers {
  private readonly handlers = new Map<string, SocketHandler<object>>();

  /** @throws Error when the message is taken, or when the handler does not declare access and payload */
  on<P extends object>(name: string, handler: SocketHandler<P>): void {
    const declared: Partial<SocketHandler<P>> = handler;
    if (typeof declared.access !== 'object') throw new Error(`The socket handler of ${name} declares no access`);
    if (typeof declared.payload !== 'function') throw new Error(`The socket handler of ${name} declares no payload`);
    if (this.handlers.has(name)) throw new Error(`${name} has a socket handler already`);
    this.handlers.set(name, handler);
  }

  find(name: string): SocketHandler<object> | undefined {
    return this.handlers.get(name);
  }
}
