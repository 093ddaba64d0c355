import { Module } from '@nestjs/common';
import { ComputeModule } from '../../../platform/compute/compute.module.js';
import { ResilienceModule } from '../../../platform/resilience/resilience.module.js';
import { EmbeddingClients } from './embedding-clients.js';
import { EmbeddingModels } from './embedding-models.service.js';
import { EmbeddingUsesRepository } from './embedding-uses.repository.js';
import { EmbeddingsService } from './embeddings.service.js';

@Module({
  imports: [ComputeModule, ResilienceModule],
  providers: [EmbeddingModels, EmbeddingClients, EmbeddingUsesRepository, EmbeddingsService],
  exports: [EmbeddingModels, EmbeddingsService, EmbeddingUsesRepository],
})
export class EmbeddingsModule {}
