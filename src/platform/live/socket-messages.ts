import { Injectable, Logger } from '@nestjs/common';
import { BadRequest, TooManyRequests } from '../../contracts/errors.js';
import { assertAllowed } from '../access/access.guard.js';
import { currentScope, fillActor, inScope, newScope } from '../access/scope.js';
import { asDomainError, errorBody, type ErrorBody } from '../http/error-body.js';
import type { EventReader } from './event-reader.js';
import { AccessEnded, type SocketConnection } from './socket-connection.js';
import { SocketHandlers, type MessageConnection } from './socket-handlers.js';
import { socketPayload } from './socket-payload.js';

type Acknowledgement = { ok: true } | { ok: false; error: ErrorBody };
type Acknowledge = (reply: Acknowledgement) => void;

/** Brings each message to its handler: rate limit, who, may they, what, in this order. */
@Injectable()
export class SocketMessages {
  private readonly logger = new Logger('SocketMessages');

  constructor(private readonly handlers: SocketHandlers) {}

  /** `args` as Socket.IO gives them, the acknowledgement last if the client wants one. Never rejects. */
  async receive(connection: SocketConnection, name: string, args: readonly unknown[]): Promise<void> {
    const last = args.at(-1);
    const acknowledge = typeof last === 'function' ? (last as Acknowledge) : null;
    const given = acknowledge ? args.slice(0, -1) : args;
    const opened = new Map<string, EventReader>();
    const scope = newScope({ ip: connection.address, userAgent: connection.userAgent });
    await inScope(scope, async () => {
      try {
        const result = await this.handle(connection, name, given, opened);
        acknowledge?.({ ...result, ok: true });
        for (const reader of opened.values()) reader.begin();
      } catch (error) {
        for (const key of opened.keys()) connection.follows.remove(key);
        acknowledge?.({ ok: false, error: this.refusal(error, name) });
        if (error instanceof AccessEnded) connection.end('access.revoked');
      }
    });
  }

  private async handle(
    connection: SocketConnection,
    name: string,
    args: readonly unknown[],
    opened: Map<string, EventReader>,
  ): Promise<object> {
    const retryAfter = connection.budget.spend(performance.now());
    if (retryAfter !== null) throw new TooManyRequests(retryAfter);
    const actor = await connection.authenticate();
    fillActor(actor);
    const handler = this.handlers.find(name);
    if (!handler) throw new BadRequest('There is no such message');
    assertAllowed(actor, handler.access);
    const payload = await socketPayload(handler.payload, args);
    return handler.handle(payload, usableBy(connection, opened));
  }

  private refusal(thrown: unknown, name: string): ErrorBody {
    const error = asDomainError(thrown);
    if (error.code === 'internal_error') this.logger.error({ err: thrown }, `The message ${name} failed`);
    else if (error.status >= 500) this.logger.warn(error);
    return errorBody(error, { correlationId: currentScope().correlationId, path: name });
  }
}

/** Notes what was opened, so that it begins after the acknowledgement, or never. */
function usableBy(connection: SocketConnection, opened: Map<string, EventReader>): MessageConnection {
  return {
    async follow(key, open) {
      const reader = await connection.follows.add(key, () => open(connection.sink));
      if (reader) opened.set(key, reader);
    },
    unfollow: (key) => connection.follows.remove(key),
    renew: (credential) => connection.renew(credential),
  };
}
