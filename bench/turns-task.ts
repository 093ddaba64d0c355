/** What the two clients are asked for: as many turns in each conversation, all conversations at once. */
export interface TurnsTask {
  kind: 'turns';
  url: string;
  /** What the user says. */
  content: string;
  turns: number;
  /** The conversations begin so far apart that they fill it; 0: all at the same moment. */
  spreadMs: number;
  /** One entry a conversation: a session of Atrium's; the bare SDK only counts them. */
  sessions: string[];
  token: string;
  /** Atrium only: read the stream of events, or wait for the answer. */
  by: 'stream' | 'wait';
}

/** In ms. */
export interface TurnTimes {
  /** From the request to the first text; NaN where the whole answer is waited for. */
  first: number;
  total: number;
  /** From the upstream's last token to the end of the stream. */
  tail: number;
}

export interface TurnsResult {
  /** From the first request to the last answer, in ms. */
  elapsed: number;
  turns: TurnTimes[];
}
