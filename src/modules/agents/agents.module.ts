import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ComputeModule } from '../../platform/compute/compute.module.js';
import { ModelsModule } from '../models/models.module.js';
import { RagModule } from '../rag/rag.module.js';
import { ToolsModule } from '../tools/tools.module.js';
import { AgentEntity } from './agent.entity.js';
import { AgentExportsController } from './agent-exports.controller.js';
import { AgentExportsService } from './agent-exports.service.js';
import { AgentVersionsController } from './agent-versions.controller.js';
import { AgentVersionsRepository } from './agent-versions.repository.js';
import { AgentVersionsService } from './agent-versions.service.js';
import { AgentsController } from './agents.controller.js';
import { AgentsRepository } from './agents.repository.js';
import { AgentsService } from './agents.service.js';
import { DefinitionRules } from './definition-rules.js';
import { OutputSchemas } from './output-schemas.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([AgentEntity]), ComputeModule, ModelsModule, ToolsModule, RagModule],
  controllers: [AgentsController, AgentVersionsController, AgentExportsController],
  providers: [
    AgentsService,
    AgentsRepository,
    AgentVersionsService,
    AgentVersionsRepository,
    AgentExportsService,
    DefinitionRules,
    OutputSchemas,
  ],
  exports: [AgentsService, OutputSchemas],
})
export class AgentsModule {}
