import type { RunEnvelope } from '../../contracts/live-events.js';

/** How far a run has come. */
export interface RunPosition {
  runId: string;
  lastSeq: number;
  /** Its terminal event is stored: nothing follows `lastSeq`. */
  ended: boolean;
}

/**
 * The stored events of one session, or of one of its runs. Called with the actor who follows. A `NotFound`,
 * `AccessDenied` or `Unauthenticated` ends the reader, any other error makes it try again.
 */
export interface EventSource {
  /**
   * Where the followed runs stand now: the one, or those of the session (enough are those that may still go on and the
   * one to be replayed). Asked again every few seconds at least; it should throw once the actor may not see them any more.
   */
  runs(): Promise<RunPosition[]>;
  /** Events of a run with `seq > afterSeq`, in order, at most `limit`. The rows are shared: nobody may change them. */
  read(runId: string, afterSeq: number, limit: number): Promise<RunEnvelope[]>;
}
