import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { DomainError, ExternalServiceFailed, TimedOut } from '../../../contracts/errors.js';
import { InvalidAnswer, McpServerFailed, McpServerSilent, ServerRefused, SessionLost } from '../mcp-errors.js';
import { isMalformed } from './is-malformed.js';

/** What the SDK itself says; a server's own codes are any numbers. */
const { RequestTimeout, ConnectionClosed }: Record<'RequestTimeout' | 'ConnectionClosed', number> = ErrorCode;

const LONGEST_MESSAGE = 2_000;

/** Of a request that never left this process, or never arrived. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

interface Circumstances {
  serverName: string;
  timeoutMs: number;
  /** The server keeps a session of ours. */
  hasSession: boolean;
}

/** What the SDK, its transports or the guarded client threw, by the name of what happened. */
export function failureOf(error: unknown, { serverName, timeoutMs, hasSession }: Circumstances): Error {
  if (error instanceof McpServerFailed || error instanceof McpServerSilent) return error;
  if (error instanceof ExternalServiceFailed) return outwards(serverName, error);
  if (error instanceof TimedOut) return new McpServerSilent(serverName, timeoutMs);
  if (error instanceof DomainError) return error;
  if (error instanceof McpError) return ofProtocol(error, serverName, timeoutMs);
  if (error instanceof UnauthorizedError) return ofStatus(401, serverName);
  if ((error as { code?: unknown } | null)?.code === -1) return new InvalidAnswer(serverName, error);
  const status = statusOf(error);
  if (status !== null) {
    const failure = ofStatus(status, serverName);
    return hasSession && (status === 404 || status === 400) ? new SessionLost(failure) : failure;
  }
  if (isMalformed(error)) return new InvalidAnswer(serverName, error);
  return new McpServerFailed(serverName, 'could not be asked', { retryable: false, sent: true, cause: error });
}

function ofProtocol(error: McpError, serverName: string, timeoutMs: number): Error {
  if (error.code === RequestTimeout && isOfClient(error, /: (Request timed out|Maximum total timeout exceeded)$/))
    return new McpServerSilent(serverName, timeoutMs);
  if (error.code === ConnectionClosed && isOfClient(error, /: Connection closed$/))
    return new McpServerFailed(serverName, 'ended the connection', { retryable: false, sent: true, cause: error });
  return new ServerRefused(error.code, error.message.replace(/^MCP error -?\d+: /, '').slice(0, LONGEST_MESSAGE));
}

/** Servers use these two codes for errors of their own, which are answers; the SDK's own are told by their words. */
function isOfClient({ message }: McpError, words: RegExp): boolean {
  return words.test(message);
}

/** The guarded client's errors say what may be said; what the request's own fate was is told by their cause. */
function outwards(serverName: string, error: ExternalServiceFailed): McpServerFailed {
  const { cause, status } = error;
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  const isRefusedHere = cause instanceof Error && ['AddressRefused', 'RedirectRefused'].includes(cause.name);
  const sent = !isRefusedHere && !(typeof code === 'string' && NOT_SENT.has(code));
  const says = isRefusedHere ? `can not be reached: ${cause.message}` : `can not be reached (${code ?? 'unknown'})`;
  return new McpServerFailed(serverName, says, { retryable: status === 503, sent, cause: error });
}

function ofStatus(status: number, serverName: string): McpServerFailed {
  const retryable = status === 429 || status >= 500;
  const isRedirect = status >= 300 && status < 400;
  // Its text may repeat the headers it was sent.
  const says = isRedirect ? 'redirects elsewhere, which is not followed' : `answered with HTTP ${status}`;
  return new McpServerFailed(serverName, says, { retryable, sent: status >= 500 });
}

/** Its transports tell the status in three ways; -1 is a content type that is none of MCP's. */
function statusOf(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as { code?: unknown };
  const inText = /\(HTTP (\d{3})\)/.exec(error.message)?.[1];
  const status = typeof code === 'number' ? code : Number(inText ?? 0);
  return status >= 300 && status < 600 ? status : null;
}
