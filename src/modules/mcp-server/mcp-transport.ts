import type { IncomingMessage, ServerResponse } from 'node:http';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import { isJSONRPCRequest, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { messagesIn, withRightCode } from './json-rpc.js';

export class McpTransport extends StreamableHTTPServerTransport {
  override send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    return super.send(withRightCode(message), options);
  }
}

/** What answers a request; `messages` are what it says, none in one without a body. */
export type TransportOf = (
  request: IncomingMessage,
  response: ServerResponse,
  messages: readonly JSONRPCMessage[],
) => Promise<McpTransport>;

/**
 * Answers a request of Streamable HTTP whose source and caller are known and whose body is read; resolves when the
 * answer has ended.
 * @throws BadRequest, and what `transportOf` throws
 */
export async function answerMcp(
  request: IncomingMessage & { body?: unknown },
  response: ServerResponse,
  transportOf: TransportOf,
): Promise<void> {
  const version = request.headers['mcp-protocol-version']?.toString();
  const messages = request.method === 'POST' ? messagesIn(request.body, version) : [];
  const transport = await transportOf(request, response, messages);
  await transport.handleRequest(request, response, Array.isArray(request.body) ? messages : messages[0]);
}

/** A server for this one request: nothing is kept for the next. */
export async function transportOnce(
  server: McpServer,
  response: ServerResponse,
  messages: readonly JSONRPCMessage[],
): Promise<McpTransport> {
  const transport = new McpTransport({
    sessionIdGenerator: undefined,
    // Only a stream can tell of progress; all else is answered in one piece, which any client and proxy can take.
    enableJsonResponse: !messages.some(asksForProgress),
  });
  response.once('close', () => void server.close());
  await server.connect(transport);
  return transport;
}

function asksForProgress(message: JSONRPCMessage): boolean {
  return isJSONRPCRequest(message) && message.params?._meta?.progressToken !== undefined;
}
