import type { Envelope } from '../../contracts/live-events.js';

/** One client's connection, as a reader sees it. No method throws; after `closed` they do nothing. */
export interface EventSink {
  write(envelope: Envelope): void;
  /** What was written and the operating system has not taken yet. */
  bufferedBytes(): number;
  /** A number that changes whenever the client takes something of what waits for it. */
  taken(): number;
  /** Resolves when nothing is buffered any more, and when the connection has closed. */
  drained(): Promise<void>;
  /** Cuts the connection off, with whatever waits in it. */
  close(reason: string): void;
  readonly closed: AbortSignal;
}
