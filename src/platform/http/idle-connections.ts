import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Connections of a server on which no request is being answered: also those on which none was ever sent, or not to its
 * end, which Node's own `closeIdleConnections` leaves open. What was upgraded, to a WebSocket, is not idle.
 */
export class IdleConnections {
  private readonly idle = new Set<Duplex>();

  constructor(server: Server) {
    server.on('connection', (socket: Duplex) => {
      this.idle.add(socket);
      socket.once('close', () => this.idle.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.idle.delete(socket);
      response.once('close', () => {
        if (!socket.destroyed) this.idle.add(socket);
      });
    });
    server.on('upgrade', (_request: IncomingMessage, socket: Duplex) => this.idle.delete(socket));
  }

  close(): void {
    for (const socket of this.idle) socket.destroy();
  }
}
