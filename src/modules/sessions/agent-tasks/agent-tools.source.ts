import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AgentsService, type NamedAgent } from '../../agents/agents.service.js';
import { ToolRegistry } from '../../tools/tool-registry.service.js';
import type { ListedTool, OfferedTool, ServerOffer, ToolSource } from '../../tools/tool.js';

const SERVER = 'agent';

const INPUT = {
  type: 'object',
  properties: {
    message: { type: 'string', minLength: 1, description: 'What the agent is asked, with all it needs to know' },
  },
  required: ['message'],
  additionalProperties: false,
};

/** The tenant's agents, as tools of one another: `agent:<name>`. */
@Injectable()
export class AgentToolSource implements ToolSource, OnModuleInit {
  constructor(
    private readonly agents: AgentsService,
    private readonly registry: ToolRegistry,
  ) {}

  onModuleInit(): void {
    this.registry.addSource(this);
  }

  async namesOf(servers: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    if (!servers.has(SERVER)) return new Set();
    return new Set((await this.agents.named()).map(nameOf));
  }

  async offer(servers: ReadonlySet<string>): Promise<ServerOffer[]> {
    if (!servers.has(SERVER)) return [];
    return [{ server: SERVER, tools: (await this.agents.named()).map(offered), unavailable: null }];
  }

  serverName(): Promise<null> {
    return Promise.resolve(null);
  }

  async list(): Promise<ListedTool[]> {
    return (await this.agents.named()).map((agent) => ({ definition: offered(agent).definition, changed: false }));
  }

  approve(): Promise<void> {
    return Promise.resolve();
  }
}

function nameOf({ name }: NamedAgent): string {
  return `${SERVER}:${name}`;
}

function offered(agent: NamedAgent): OfferedTool {
  const description = agent.description || `Asks the agent ${agent.name}, who answers in text.`;
  return {
    definition: {
      ...{ name: nameOf(agent), description, inputSchema: INPUT, source: 'agent', serverId: SERVER, timeoutMs: null },
      // It is begun with the record that it was; a call without that record was not made.
      idempotent: true,
    },
    call: ({ message }) =>
      Promise.resolve({ status: 'suspended', on: { kind: 'agent', agentId: agent.id, message: String(message) } }),
  };
}
