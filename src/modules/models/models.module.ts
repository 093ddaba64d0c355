import { Module } from '@nestjs/common';
import { ResilienceModule } from '../../platform/resilience/resilience.module.js';
import { ModelCatalog } from './model-catalog.service.js';
import { ModelClients } from './model-clients.js';
import { ModelsController } from './models.controller.js';
import { ModelsService } from './models.service.js';

@Module({
  imports: [ResilienceModule],
  controllers: [ModelsController],
  providers: [ModelCatalog, ModelClients, ModelsService],
  exports: [ModelCatalog, ModelsService],
})
export class ModelsModule {}
