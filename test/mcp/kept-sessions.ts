import { randomUUID } from 'node:crypto';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { BadRequest, NotFound } from '../../src/contracts/errors.js';
import { McpTransport, type TransportOf } from '../../src/modules/mcp-server/mcp-transport.js';

/** Sessions in memory, with streams that a client can come back to: what `/mcp` does without. */
export class KeptSessions {
  private readonly transports = new Map<string, McpTransport>();

  constructor(private readonly make: (transport: McpTransport) => McpServer) {}

  readonly transportOf: TransportOf = async (request, _response, messages) => {
    const id = request.headers['mcp-session-id']?.toString();
    if (id === undefined && messages.some((message) => isInitializeRequest(message))) return this.opened();
    if (id === undefined) throw new BadRequest('The header Mcp-Session-Id is missing');
    const transport = this.transports.get(id);
    if (!transport) throw new NotFound('Session');
    return transport;
  };

  async close(): Promise<void> {
    await Promise.all([...this.transports.values()].map((transport) => transport.close()));
  }

  private async opened(): Promise<McpTransport> {
    const transport = new McpTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new KeptEvents(),
      retryInterval: 100,
      onsessioninitialized: (id) => void this.transports.set(id, transport),
      onsessionclosed: (id) => void this.transports.delete(id),
    });
    await this.make(transport).connect(transport);
    return transport;
  }
}

class KeptEvents implements EventStore {
  private readonly events: { streamId: string; message: JSONRPCMessage }[] = [];

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    return String(this.events.push({ streamId, message }));
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.events[Number(id) - 1]?.streamId;
  }

  async replayEventsAfter(
    id: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const streamId = (await this.getStreamIdForEventId(id)) ?? '';
    for (const [index, event] of this.events.entries()) {
      const isPriming = !('jsonrpc' in event.message);
      if (index >= Number(id) && event.streamId === streamId && !isPriming)
        await send(String(index + 1), event.message);
    }
    return streamId;
  }
}
