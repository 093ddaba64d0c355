import { Injectable } from '@nestjs/common';
import { AgentResources } from './agent.resources.js';
import { CollectionResources } from './collection.resources.js';
import { ListAgentsTool } from './list-agents.tool.js';
import { RunAgentTool } from './run-agent.tool.js';
import { SearchKnowledgeTool } from './search-knowledge.tool.js';
import type { ServedPrompts, ServedResources, ServedTool } from './served.js';
import { TemplatePrompts } from './template.prompts.js';

/** All that our MCP server offers. A piece of the product that has something to offer gets its place here. */
@Injectable()
export class Offers {
  readonly tools: readonly ServedTool[];
  readonly resources: readonly ServedResources[];
  readonly prompts: readonly ServedPrompts[];

  constructor(
    listAgents: ListAgentsTool,
    runAgent: RunAgentTool,
    searchKnowledge: SearchKnowledgeTool,
    agents: AgentResources,
    collections: CollectionResources,
    templates: TemplatePrompts,
  ) {
    this.tools = [listAgents, runAgent, searchKnowledge];
    this.resources = [agents, collections];
    this.prompts = [templates];
  }
}
