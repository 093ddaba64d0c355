import { Injectable } from '@nestjs/common';
import type { ReadResourceResult, Resource } from '@modelcontextprotocol/sdk/types.js';
import { NotFound } from '../../contracts/errors.js';
import { isUuid } from '../../platform/http/id.decorator.js';
import { AgentsService } from '../agents/agents.service.js';
import type { Listed, ServedResources } from './served.js';

const AT = 'atrium://agents/';
const MIME_TYPE = 'application/json';
const PAGE = 50;

/** Agents as `GET /agents/:id` shows them. */
@Injectable()
export class AgentResources implements ServedResources {
  readonly name = 'agents';
  readonly permission = 'agents:read';
  readonly template = {
    name: 'agent',
    title: 'Agent',
    description: 'An agent of this tenant: its instructions, model, tools and limits',
    uriTemplate: `${AT}{id}`,
    mimeType: MIME_TYPE,
  };

  constructor(private readonly agents: AgentsService) {}

  async list(cursor: string | undefined): Promise<Listed<Resource>> {
    const { data, nextCursor } = await this.agents.list({ limit: PAGE, cursor });
    const items = data.map(({ id, name, description }) => {
      return { uri: `${AT}${id}`, name, ...(description && { description }), mimeType: MIME_TYPE };
    });
    return { items, nextCursor };
  }

  /** @throws NotFound */
  async read(uri: string): Promise<ReadResourceResult | null> {
    if (!uri.startsWith(AT)) return null;
    const id = uri.slice(AT.length);
    if (!isUuid(id)) throw new NotFound('Agent');
    const text = JSON.stringify(await this.agents.get(id.toLowerCase()));
    return { contents: [{ uri, mimeType: MIME_TYPE, text }] };
  }
}
