import type { Socket } from 'socket.io';

type EngineConnection = Socket['conn'];

/** What of engine.io's WebSocket transport is used; a polling transport has no `socket`. */
interface WebSocketTransport {
  socket?: { terminate?: () => void; _socket?: object | null };
}

/** So long a client may take to close its side; WebSockets would give it half a minute. */
const FAREWELL_MS = 500;

/** The TCP socket of a WebSocket; undefined while the transport is another. */
export function tcpSocketOf(connection: EngineConnection): object | null | undefined {
  return (connection.transport as WebSocketTransport).socket?._socket;
}

/** At once, without a farewell, which would wait behind what the client does not take. */
export function cutOff(connection: EngineConnection): void {
  (connection.transport as WebSocketTransport).socket?.terminate?.();
  connection.close(true);
}

/** Cuts the connection off when the client does not close its side soon after ours is. */
export function cutOffSoon(connection: EngineConnection): void {
  setTimeout(() => cutOff(connection), FAREWELL_MS).unref();
}
