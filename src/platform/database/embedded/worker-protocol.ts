export interface WorkerInput {
  /** Holds the database, its lock and, where the path is short enough, its socket. */
  folder: string;
  /** Where a folder for the socket may be made otherwise. */
  temporary: string;
}

export type WorkerMessage =
  | { kind: 'ready'; socketFolder: string }
  | { kind: 'in-use' }
  | { kind: 'log'; line: string }
  /** Nothing follows it. */
  | { kind: 'failed'; reason: string };

export const STOP = 'stop';

/** Every client of the embedded database is its superuser. */
export const SUPERUSER = 'postgres';
export const DATABASE = 'postgres';
/** Part of the socket's name; nothing listens on the network. */
export const SOCKET_PORT = 5432;
