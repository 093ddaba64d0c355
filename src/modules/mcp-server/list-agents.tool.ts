import { Injectable } from '@nestjs/common';
import { AgentsService } from '../agents/agents.service.js';
import { outputSchema } from './answers.js';
import type { ServedTool, ToolAnswer } from './served.js';

interface Input {
  search?: string;
  limit?: number;
  cursor?: string;
}

const TEXT = { type: 'string' };
const TEXT_OR_NULL = { type: ['string', 'null'] };
const AGENT = {
  type: 'object',
  properties: {
    ...{ id: { type: 'string', format: 'uuid' }, name: TEXT, description: TEXT_OR_NULL, model: TEXT_OR_NULL },
    ...{ capabilities: { type: 'array', items: TEXT }, status: { enum: ['active', 'disabled'] } },
  },
  required: ['id', 'name', 'description', 'model', 'capabilities', 'status'],
};

@Injectable()
export class ListAgentsTool implements ServedTool {
  readonly permission = 'agents:read';
  readonly definition = {
    name: 'list_agents',
    title: 'List agents',
    description: 'Lists the agents that can be run, newest first, with the ids by which run_agent knows them.',
    inputSchema: {
      type: 'object' as const,
      properties: {
        search: { type: 'string', maxLength: 200, description: 'Part of the name' },
        limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
        cursor: { type: 'string', maxLength: 2000, description: 'The nextCursor of the page before' },
      },
      additionalProperties: false,
    },
    outputSchema: outputSchema({ agents: { type: 'array', items: AGENT }, nextCursor: TEXT_OR_NULL }, [
      'agents',
      'nextCursor',
    ]),
    annotations: { readOnlyHint: true, openWorldHint: false },
  };

  constructor(private readonly agents: AgentsService) {}

  async call({ search, limit = 20, cursor }: Input): Promise<ToolAnswer> {
    const { data, nextCursor } = await this.agents.list({ search, limit, cursor });
    const agents = data.map(({ id, name, description, model, capabilities, status }) => {
      return { id, name, description, model, capabilities, status };
    });
    return { isError: false, structured: { agents, nextCursor } };
  }
}
