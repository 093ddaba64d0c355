import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ToolRegistry } from '../../tools/tool-registry.service.js';
import type { ClientTool, OfferedTool, ServerOffer, ToolScope, ToolSource } from '../../tools/tool.js';

const SERVER = 'client';

/** Pattern by which a session's own tools are offered, without anybody naming them. */
export const CLIENT_TOOLS = `${SERVER}:*`;

/** What the session's own application can do: the model asks, the run waits, the application answers. */
@Injectable()
export class ClientToolSource implements ToolSource, OnModuleInit {
  constructor(private readonly registry: ToolRegistry) {}

  onModuleInit(): void {
    this.registry.addSource(this);
  }

  namesOf(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set());
  }

  offer(servers: ReadonlySet<string>, { clientTools }: ToolScope): Promise<ServerOffer[]> {
    if (!servers.has(SERVER)) return Promise.resolve([]);
    return Promise.resolve([{ server: SERVER, tools: clientTools.map(offered), unavailable: null }]);
  }

  serverName(): Promise<null> {
    return Promise.resolve(null);
  }

  list(): Promise<[]> {
    return Promise.resolve([]);
  }

  approve(): Promise<void> {
    return Promise.resolve();
  }
}

function offered({ name, description, inputSchema }: ClientTool): OfferedTool {
  return {
    definition: {
      ...{ name: `${SERVER}:${name}`, description, source: 'client', serverId: SERVER },
      inputSchema: { type: 'object', ...inputSchema },
      // What is asked for a second time would be done a second time; but nothing is, it waits.
      idempotent: true,
      timeoutMs: null,
    },
    call: () => Promise.resolve({ status: 'suspended', on: { kind: 'client' } }),
  };
}
