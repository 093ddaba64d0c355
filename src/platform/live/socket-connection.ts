import type { Socket } from 'socket.io';
import { AccessDenied, Unauthenticated } from '../../contracts/errors.js';
import type { LooseEventType } from '../../contracts/live-events.js';
import type { TenantActor } from '../access/actor.js';
import type { Authenticated, Authenticator } from '../access/authenticator.js';
import { inScope, newScope } from '../access/scope.js';
import { AccessWatch } from './access-watch.js';
import { cutOffSoon } from './engine-connection.js';
import { Follows } from './follows.js';
import type { LiveLimits } from './live-limits.js';
import { MessageBudget } from './message-budget.js';
import { SocketSink } from './socket-sink.js';

/** Who opened a socket, and with what. */
export interface Admitted extends Authenticated {
  credential: string;
  address: string;
}

/** The socket has to be ended. */
export class AccessEnded extends Unauthenticated {}

interface ConnectionContext {
  authenticator: Authenticator;
  limits: LiveLimits;
  messagesPerMinute: number;
}

const MAX_TIMER_MS = 2 ** 31 - 1;

/** One open socket: whose it is, until when, and what it follows. */
export class SocketConnection {
  readonly sink: SocketSink;
  readonly follows: Follows;
  readonly budget: MessageBudget;
  readonly address: string;
  readonly userAgent: string | null;
  private readonly watch: AccessWatch;
  private credential: string;
  private known: TenantActor;
  private expiry: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: Socket,
    admitted: Admitted,
    private readonly context: ConnectionContext,
  ) {
    this.sink = new SocketSink(socket);
    this.follows = new Follows(context.limits.followsPerSocket);
    this.budget = new MessageBudget(context.messagesPerMinute);
    this.address = admitted.address;
    this.userAgent = socket.handshake.headers['user-agent'] ?? null;
    this.credential = admitted.credential;
    this.known = admitted.actor;
    this.endAt(admitted.expiresAt);
    this.watch = new AccessWatch({
      stillCounts: () => this.stillCounts(),
      recheckMs: context.limits.accessRecheckMs,
      onEnded: () => this.end('access.revoked'),
    });
  }

  /** As of the last check. */
  get actor(): TenantActor {
    return this.known;
  }

  /** Asks anew who the socket's credential is. @throws AccessEnded when it is nobody's any more */
  async authenticate(): Promise<TenantActor> {
    const { credential } = this;
    const authenticated = await this.context.authenticator.authenticate(credential);
    if (authenticated) return authenticated.actor;
    // A renewal may have come in between.
    if (credential !== this.credential) return this.authenticate();
    throw new AccessEnded('The access of this connection has ended');
  }

  async renew(credential: string): Promise<Date | null> {
    const authenticated = await this.context.authenticator.authenticate(credential);
    if (!authenticated) throw new Unauthenticated('The token is not valid');
    const { actor, expiresAt } = authenticated;
    if (actor.tenantId !== this.known.tenantId || actor.userId !== this.known.userId) {
      throw new AccessDenied('The token belongs to another user or tenant');
    }
    this.credential = credential;
    this.known = actor;
    this.endAt(expiresAt);
    return expiresAt;
  }

  /** Tells the client why and disconnects it; it is not meant to come back by itself. */
  end(reason: 'access.revoked' | 'access.expired'): void {
    this.tell(reason);
    this.socket.disconnect(true);
    cutOffSoon(this.socket.conn);
  }

  /** Tells the client to come back; closing the transport alone makes clients reconnect by themselves. */
  sendAway(): void {
    this.tell('server.restart');
    this.socket.conn.close();
    cutOffSoon(this.socket.conn);
  }

  /** The socket has disconnected. */
  dispose(): void {
    clearTimeout(this.expiry);
    this.watch.stop();
    this.follows.clear();
    this.sink.release();
  }

  private tell(type: LooseEventType): void {
    this.sink.write({ type, at: new Date().toISOString(), data: {} });
  }

  private endAt(expiresAt: Date | null): void {
    clearTimeout(this.expiry);
    if (!expiresAt) return;
    const left = expiresAt.getTime() - Date.now();
    const next = left > MAX_TIMER_MS ? () => this.endAt(expiresAt) : () => this.end('access.expired');
    this.expiry = setTimeout(next, Math.min(left, MAX_TIMER_MS)).unref();
  }

  private async stillCounts(): Promise<boolean> {
    const scope = newScope({ ip: this.address, userAgent: this.userAgent });
    try {
      const { role } = await inScope(scope, () => this.authenticate());
      return role === this.known.role;
    } catch (error) {
      if (error instanceof AccessEnded) return false;
      throw error;
    }
  }
}
