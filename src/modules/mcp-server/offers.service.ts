import { Injectable } from '@nestjs/common';
import { AgentResources } from './agent.resources.js';
import { ListAgentsTool } from './list-agents.tool.js';
import { RunAgentTool } from './run-agent.tool.js';
import type { ServedPrompts, ServedResources, ServedTool } from './served.js';
import { TemplatePrompts } from './template.prompts.js';

/** All that our MCP server offers. A piece of the product that has something to offer gets its place here. */
@Injectable()
export class Offers {
  readonly tools: readonly ServedTool[];
  readonly resources: readonly ServedResources[];
  readonly prompts: readonly ServedPrompts[];

  constructor(listAgents: ListAgentsTool, runAgent: RunAgentTool, agents: AgentResources, templates: TemplatePrompts) {
    this.tools = [listAgents, runAgent];
    this.resources = [agents];
    this.prompts = [templates];
  }
}
