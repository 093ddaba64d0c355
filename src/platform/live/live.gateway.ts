import { type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { WebSocketGateway, type OnGatewayConnection, type OnGatewayInit } from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import type { LiveSignals } from '../../contracts/live-events.js';
import { Authenticator } from '../access/authenticator.js';
import { Settings } from '../config/settings.js';
import { cutOffSoon } from './engine-connection.js';
import { Live } from './live.js';
import { LiveLimits } from './live-limits.js';
import { RenewDto } from './renew.dto.js';
import { concerns } from './revocation.js';
import { SocketConnection, type Admitted } from './socket-connection.js';
import { SocketDoor } from './socket-door.js';
import { SocketHandlers } from './socket-handlers.js';
import { SocketMessages } from './socket-messages.js';

const MAX_FAREWELL_MS = 1_000;

/** The Socket.IO server of this process. */
@WebSocketGateway()
export class LiveGateway implements OnGatewayInit, OnGatewayConnection, OnModuleInit, BeforeApplicationShutdown {
  private readonly admitted = new WeakMap<Socket, Admitted>();
  private readonly connections = new Map<SocketConnection, Socket>();

  constructor(
    private readonly settings: Settings,
    private readonly limits: LiveLimits,
    private readonly live: Live,
    private readonly authenticator: Authenticator,
    private readonly door: SocketDoor,
    private readonly handlers: SocketHandlers,
    private readonly messages: SocketMessages,
  ) {}

  onModuleInit(): void {
    this.live.onSignal('access.revoked', (revoked) => this.onRevoked(revoked));
    this.handlers.on('auth.renew', {
      access: {},
      payload: RenewDto,
      handle: async ({ token }, connection) => ({ expiresAt: await connection.renew(token) }),
    });
  }

  /** Nest's guards do not see connections, so that the server itself asks who comes. */
  afterInit(server: Server): void {
    server.engine.on('connection', (connection: Socket['conn']) => {
      connection.once('close', () => cutOffSoon(connection));
    });
    server.use((socket, next) => {
      this.door.admit(socket).then((admitted) => {
        this.admitted.set(socket, admitted);
        next();
      }, next);
    });
  }

  handleConnection(socket: Socket): void {
    const admitted = this.admitted.get(socket);
    if (!admitted) throw new Error('A socket came past the door');
    const { messagesPerMinute } = this.settings.sockets;
    const connection = new SocketConnection(socket, admitted, {
      authenticator: this.authenticator,
      limits: this.limits,
      messagesPerMinute,
    });
    this.connections.set(connection, socket);
    socket.once('disconnect', () => {
      this.connections.delete(connection);
      connection.dispose();
    });
    socket.onAny((name: string, ...args: unknown[]) => void this.messages.receive(connection, name, args));
  }

  /** Clients are told to come back before the HTTP server stops listening to them. */
  async beforeApplicationShutdown(): Promise<void> {
    this.door.close();
    const gone = [...this.connections].map(async ([connection, socket]) => {
      const closed = new Promise((resolve) => socket.conn.once('close', resolve));
      connection.sendAway();
      await closed;
    });
    const timeUp = new Promise((resolve) => setTimeout(resolve, MAX_FAREWELL_MS).unref());
    await Promise.race([Promise.all(gone), timeUp]);
  }

  /** Each process hears of it and closes its own; whom the signal misses, the next check of access finds. */
  private onRevoked(revoked: LiveSignals['access.revoked']): void {
    for (const connection of this.connections.keys()) {
      if (concerns(revoked, connection.actor)) connection.end('access.revoked');
    }
  }
}
