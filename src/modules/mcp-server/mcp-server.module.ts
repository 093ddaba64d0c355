import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { RagModule } from '../rag/rag.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { AgentResources } from './agent.resources.js';
import { CollectionResources } from './collection.resources.js';
import { ListAgentsTool } from './list-agents.tool.js';
import { McpController } from './mcp.controller.js';
import { Offers } from './offers.service.js';
import { ProtectedResourceController } from './protected-resource.controller.js';
import { RunAgentTool } from './run-agent.tool.js';
import { RunProgress } from './run-progress.js';
import { SearchKnowledgeTool } from './search-knowledge.tool.js';
import { TemplatePrompts } from './template.prompts.js';

/** Atrium as an MCP server. */
@Module({
  imports: [AgentsModule, RagModule, SessionsModule],
  controllers: [McpController, ProtectedResourceController],
  providers: [
    ListAgentsTool,
    RunAgentTool,
    SearchKnowledgeTool,
    AgentResources,
    CollectionResources,
    TemplatePrompts,
    RunProgress,
    Offers,
  ],
})
export class McpServerModule {}
