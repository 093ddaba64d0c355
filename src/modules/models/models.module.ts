import { Module } from '@nestjs/common';
import { DocumentsModule } from '../../platform/documents/documents.module.js';
import { ResilienceModule } from '../../platform/resilience/resilience.module.js';
import { ModelCatalog } from './model-catalog.service.js';
import { ModelClients } from './model-clients.js';
import { ModelsController } from './models.controller.js';
import { ModelsService } from './models.service.js';

@Module({
  imports: [DocumentsModule, ResilienceModule],
  controllers: [ModelsController],
  providers: [ModelCatalog, ModelClients, ModelsService],
  exports: [ModelCatalog, ModelsService],
})
export class ModelsModule {}
