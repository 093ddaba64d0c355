import type { IncomingMessage } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ExtendedError, Socket } from 'socket.io';
import { DomainError, Unauthenticated, type ErrorCode } from '../../contracts/errors.js';
import { Authenticator } from '../access/authenticator.js';
import { inScope, newScope } from '../access/scope.js';
import { Settings } from '../config/settings.js';
import { addressKey } from '../http/address-key.js';
import { asDomainError } from '../http/error-body.js';
import { clientAddress, type TrustProxy } from './client-address.js';
import type { Admitted } from './socket-connection.js';

const MAX_CREDENTIAL_CHARS = 8192;
/** So long a refused client gets to read why. */
const FAREWELL_MS = 1_000;

/** Decides who may open a socket. The sockets of an address are counted by process. */
@Injectable()
export class SocketDoor {
  private readonly logger = new Logger('SocketDoor');
  private readonly open = new Map<string, number>();
  private readonly counted = new WeakSet<Socket['conn']>();
  private closed = false;

  constructor(
    private readonly settings: Settings,
    private readonly authenticator: Authenticator,
    private readonly http: HttpAdapterHost,
  ) {}

  /** No further sockets: this process is about to stop. */
  close(): void {
    this.closed = true;
  }

  /** Engine.io's `allowRequest`, asked before a connection is made. A refusal here lets clients try again. */
  readonly allowRequest = (
    request: IncomingMessage,
    answer: (reason: string | null, allowed: boolean) => void,
  ): void => {
    if (this.closed) answer('The server is restarting', false);
    else if (!this.isOwnOrigin(request)) answer('The origin is not allowed', false);
    else answer(null, true);
  };

  /** Throws an error in the form that Socket.IO hands to the client as `connect_error`. */
  async admit(socket: Socket): Promise<Admitted> {
    try {
      const address = clientAddress(socket.request, this.trustProxy());
      this.count(socket, addressKey(address));
      return { ...(await this.authenticate(socket, address)), address };
    } catch (thrown) {
      const error = asDomainError(thrown);
      if (error.status >= 500) this.logger.error({ err: thrown }, 'A socket could not be admitted');
      setTimeout(() => socket.conn.close(), FAREWELL_MS).unref();
      throw connectError(error);
    }
  }

  private async authenticate(socket: Socket, address: string): Promise<Omit<Admitted, 'address'>> {
    const { token } = socket.handshake.auth as { token?: unknown };
    if (typeof token !== 'string' || token === '' || token.length > MAX_CREDENTIAL_CHARS) throw new Unauthenticated();
    const scope = newScope({ ip: address, userAgent: socket.handshake.headers['user-agent'] ?? null });
    const authenticated = await inScope(scope, () => this.authenticator.authenticate(token));
    if (!authenticated) throw new Unauthenticated('The token is not valid');
    return { ...authenticated, credential: token };
  }

  /** Once for each connection, until it closes; one that is refused counts no longer than it takes to close it. */
  private count({ conn }: Socket, address: string): void {
    if (this.counted.has(conn)) return;
    const open = this.open.get(address) ?? 0;
    if (open >= this.settings.sockets.perAddress) {
      throw new DomainError('rate_limit_error', 429, 'Too many connections from this address');
    }
    if (conn.readyState !== 'open') return;
    this.counted.add(conn);
    this.open.set(address, open + 1);
    conn.once('close', () => {
      const left = (this.open.get(address) ?? 1) - 1;
      if (left > 0) this.open.set(address, left);
      else this.open.delete(address);
    });
  }

  /** CORS does not hold for WebSockets, so that pages of other origins are refused here. Only browsers send an origin. */
  private isOwnOrigin({ headers }: IncomingMessage): boolean {
    const { origin, host } = headers;
    const { publicUrl, corsOrigins } = this.settings.http;
    if (origin === undefined || corsOrigins.includes(origin)) return true;
    if (!URL.canParse(origin)) return false;
    const page = new URL(origin);
    return page.host === host || page.origin === new URL(publicUrl).origin;
  }

  private trustProxy(): TrustProxy {
    return this.http.httpAdapter.getInstance<{ get(name: string): TrustProxy }>().get('trust proxy fn');
  }
}

function connectError({ code, message, retryAfter }: DomainError): ExtendedError {
  const error: ExtendedError = new Error(message);
  error.data = { code, ...(retryAfter !== undefined && { retryAfter }) } satisfies {
    code: ErrorCode;
    retryAfter?: number;
  };
  return error;
}
