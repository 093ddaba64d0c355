import { Module } from '@nestjs/common';
import { ComputeModule } from '../../platform/compute/compute.module.js';
import { DocumentsModule } from '../../platform/documents/documents.module.js';
import { ResilienceModule } from '../../platform/resilience/resilience.module.js';
import { ModelsModule } from '../models/models.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ToolsModule } from '../tools/tools.module.js';
import { CollectionRules } from './collections/collection-rules.js';
import { CollectionsController } from './collections/collections.controller.js';
import { CollectionsRepository } from './collections/collections.repository.js';
import { CollectionsService } from './collections/collections.service.js';
import { ChunksRepository } from './documents/chunks.repository.js';
import { ChunksService } from './documents/chunks.service.js';
import { DocumentBytesSweeper } from './documents/document-bytes.sweeper.js';
import { DocumentDrafts } from './documents/document-drafts.service.js';
import { DocumentsController } from './documents/documents.controller.js';
import { DocumentsRepository } from './documents/documents.repository.js';
import { DocumentsService } from './documents/documents.service.js';
import { EmbeddingsModule } from './embeddings/embeddings.module.js';
import { KnowledgeIndexModule } from './index/knowledge-index.module.js';
import { DocumentEmbedding } from './ingestion/document-embedding.js';
import { DocumentNews } from './ingestion/document-news.js';
import { DocumentReading } from './ingestion/document-reading.js';
import { DocumentSource } from './ingestion/document-source.js';
import { GarbageRepository } from './ingestion/garbage.repository.js';
import { HeldSteps } from './ingestion/held-steps.js';
import { IngestDocumentProcessor } from './ingestion/ingest-document.processor.js';
import { IngestionEnding } from './ingestion/ingestion-ending.js';
import { IngestionsRepository } from './ingestion/ingestions.repository.js';
import { Ingestions } from './ingestion/ingestions.service.js';
import { KnowledgeSockets } from './ingestion/knowledge.sockets.js';
import { KnowledgeSweeper } from './ingestion/knowledge.sweeper.js';
import { EvaluationsController } from './evaluations/evaluations.controller.js';
import { EvaluationsRepository } from './evaluations/evaluations.repository.js';
import { EvaluationsService } from './evaluations/evaluations.service.js';
import { RunEvaluationProcessor } from './evaluations/run-evaluation.processor.js';
import { Rerankers } from './rerank/rerankers.service.js';
import { AgentsKnowledge } from './search/agents-knowledge.js';
import { FoundChunksRepository } from './search/found-chunks.repository.js';
import { SearchController } from './search/search.controller.js';
import { SearchService } from './search/search.service.js';

/** Documents, what is cut out of them, and how it is found again. */
@Module({
  imports: [
    ComputeModule,
    DocumentsModule,
    EmbeddingsModule,
    KnowledgeIndexModule,
    ModelsModule,
    ResilienceModule,
    TenantsModule,
    ToolsModule,
  ],
  controllers: [CollectionsController, DocumentsController, SearchController, EvaluationsController],
  providers: [
    CollectionRules,
    CollectionsRepository,
    CollectionsService,
    ChunksRepository,
    ChunksService,
    DocumentBytesSweeper,
    DocumentDrafts,
    DocumentsRepository,
    DocumentsService,
    DocumentEmbedding,
    DocumentNews,
    DocumentReading,
    DocumentSource,
    EvaluationsRepository,
    EvaluationsService,
    GarbageRepository,
    HeldSteps,
    IngestDocumentProcessor,
    IngestionEnding,
    IngestionsRepository,
    Ingestions,
    KnowledgeSockets,
    KnowledgeSweeper,
    RunEvaluationProcessor,
    AgentsKnowledge,
    FoundChunksRepository,
    Rerankers,
    SearchService,
  ],
  exports: [CollectionsService, DocumentsService, SearchService, IngestDocumentProcessor, RunEvaluationProcessor],
})
export class RagModule {}
