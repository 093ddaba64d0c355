/** What the fake upstream answers, step by step. Plain data, so that a test can say it in one line. */

export interface ReplyUsage {
  inputTokens?: number;
  /** Told in `message_delta`; `message_start` tells 1. */
  outputTokens?: number;
  cacheReadTokens?: number;
  cacheWriteTokens?: number;
}

export type Step =
  /** A block of text, streamed in these pieces. */
  | { text: string | string[] }
  /**
   * The same, taken from a search result of the request: from the blocks of the first that holds these words. `says`
   * replaces what the citation says about it, to make it lie.
   */
  | { text: string | string[]; cites: string | string[]; says?: Record<string, unknown> }
  /** A block of thinking with a signature of ours; null text stands for thinking that is not shown. */
  | { thinking: string | null }
  | { redactedThinking: string }
  /** `json` replaces the streamed input, to break it. */
  | { toolUse: { name: string; input?: Record<string, unknown>; id?: string; json?: string } }
  | { pauseMs: number }
  | { ping: true }
  /** Any event, known to the protocol or not. */
  | { event: string; data: unknown }
  /** Raw bytes in place of an event. */
  | { raw: string }
  /** An error event, after which the stream ends. */
  | { error: string; message: string }
  /** The connection is destroyed here. */
  | { cut: true }
  /** Nothing more comes, and the connection stays. */
  | { hang: true }
  /** The response ends here, without `message_stop`. */
  | { end: true };

export interface StreamReply {
  steps: Step[];
  stopReason?: string;
  usage?: ReplyUsage;
  /** Before the headers. */
  delayMs?: number;
}

export interface ErrorReply {
  status: number;
  /** By the status when left out. */
  type?: string;
  message?: string;
  headers?: Record<string, string>;
  delayMs?: number;
}

/** The request is read and never answered. */
export interface SilentReply {
  silent: true;
}

/** The connection is destroyed before any header. */
export interface DroppedReply {
  dropped: true;
}

export type Reply = StreamReply | ErrorReply | SilentReply | DroppedReply;

export function saying(...pieces: string[]): StreamReply {
  return { steps: [{ text: pieces }] };
}

export function calling(name: string, input: Record<string, unknown>): StreamReply {
  return { steps: [{ toolUse: { name, input } }] };
}

export function failing(status: number, headers: Record<string, string> = {}, message?: string): ErrorReply {
  return { status, headers, message };
}

const ERROR_TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

export function errorTypeOf(status: number): string {
  return ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}
