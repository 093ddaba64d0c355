import { ErrorCode, JSONRPCMessageSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { BadRequest } from '../../contracts/errors.js';
import { InvalidMessage } from './rpc-errors.js';

/** The first version of the protocol that knows no batches; versions are dates. */
const WITHOUT_BATCHES = '2025-06-18';
const MOST_MESSAGES = 100;

/**
 * The messages of a body; several where the version of the protocol knows batches.
 * @throws BadRequest
 */
export function messagesIn(body: unknown, protocolVersion = ''): JSONRPCMessage[] {
  if (body === undefined) throw new BadRequest('The body must be a message of JSON-RPC');
  if (!Array.isArray(body)) return [message(body)];
  if (protocolVersion >= WITHOUT_BATCHES) throw new InvalidMessage(`MCP ${protocolVersion} has no batches`);
  if (body.length === 0 || body.length > MOST_MESSAGES)
    throw new InvalidMessage(`A batch must hold 1 to ${MOST_MESSAGES} messages`);
  // A request that is taken back in the breath that makes it would leave its batch without an answer.
  return body.map(message).filter((one) => !('method' in one) || one.method !== 'notifications/cancelled');
}

function message(value: unknown): JSONRPCMessage {
  const { success, data } = JSONRPCMessageSchema.safeParse(value);
  if (!success) throw new InvalidMessage('The body must be a message of JSON-RPC 2.0');
  if (!('method' in data) || data.params === undefined) return data;
  // Who has not said that they know tasks carries out what is asked as if it did not ask for one; the SDK would not.
  const { task: _task, ...params } = data.params;
  return { ...data, params };
}

/** For parameters that do not fit, the SDK tells of an internal error, and their faults as JSON for its message. */
export function withRightCode(answer: JSONRPCMessage): JSONRPCMessage {
  if (!('error' in answer) || answer.error.code !== Number(ErrorCode.InternalError)) return answer;
  const faults = faultsIn(answer.error.message);
  if (!faults) return answer;
  const told = faults.map(({ path, message: text }) => `${path.join('.')}: ${text}`).join('; ');
  return { ...answer, error: { code: ErrorCode.InvalidParams, message: `Invalid params: ${told}` } };
}

interface Fault {
  path: (string | number)[];
  message: string;
}

function faultsIn(text: string): Fault[] | null {
  if (!text.startsWith('[')) return null;
  try {
    const told = JSON.parse(text) as Fault[];
    return told.every(({ path }) => Array.isArray(path)) ? told : null;
  } catch {
    // An error of something else.
    return null;
  }
}
