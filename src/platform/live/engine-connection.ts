import type { Socket } from 'socket.io';

type EngineConnection = Socket['conn'];

/** What of engine.io's transports is used beyond their types. */
interface Transport {
  /** Of a WebSocket. */
  socket?: { terminate?: () => void; _socket?: object | null };
  /** Of polling: set while a close waits for the next poll, for up to half a minute. */
  shouldClose?: (() => void) | null;
}

/** So long a client may take to close its side; WebSockets would give it half a minute. */
const FAREWELL_MS = 500;

/** The TCP socket of a WebSocket; undefined while the transport is another. */
export function tcpSocketOf(connection: EngineConnection): object | null | undefined {
  return (connection.transport as Transport).socket?._socket;
}

/** At once, without a farewell, which would wait behind what the client does not take. */
export function cutOff(connection: EngineConnection): void {
  const transport = connection.transport as Transport;
  transport.socket?.terminate?.();
  connection.close(true);
  transport.shouldClose?.();
}

/** Cuts the connection off when the client does not close its side soon after ours is. */
export function cutOffSoon(connection: EngineConnection): void {
  setTimeout(() => cutOff(connection), FAREWELL_MS).unref();
}
