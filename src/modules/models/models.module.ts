import { Module } from '@nestjs/common';
import { DocumentsModule } from '../../platform/documents/documents.module.js';
import { ResilienceModule } from '../../platform/resilience/resilience.module.js';
import { CitationMetrics } from './citation-metrics.js';
import { ModelCatalog } from './model-catalog.service.js';
import { ModelClients } from './model-clients.js';
import { ModelsController } from './models.controller.js';
import { ModelsService } from './models.service.js';

@Module({
  imports: [DocumentsModule, ResilienceModule],
  controllers: [ModelsController],
  providers: [ModelCatalog, ModelClients, ModelsService, CitationMetrics],
  exports: [ModelCatalog, ModelsService],
})
export class ModelsModule {}
