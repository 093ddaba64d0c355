import { Module } from '@nestjs/common';
import { DocumentsFilterRepository } from './documents-filter.repository.js';
import { IndexUpkeep } from './index-upkeep.sweeper.js';
import { KeywordSearchRepository } from './keyword-search.repository.js';
import { KnowledgeIndex } from './knowledge-index.service.js';
import { PostingsRepository } from './postings.repository.js';
import { SegmentMerges } from './segment-merges.js';
import { SegmentUpkeep } from './segment-upkeep.js';
import { SegmentsRepository } from './segments.repository.js';
import { VectorMovesRepository } from './vector-moves.repository.js';
import { VectorMoves } from './vector-moves.js';
import { VectorSearchRepository } from './vector-search.repository.js';
import { VectorsRepository } from './vectors.repository.js';

@Module({
  providers: [
    VectorsRepository,
    VectorSearchRepository,
    VectorMovesRepository,
    VectorMoves,
    PostingsRepository,
    KeywordSearchRepository,
    DocumentsFilterRepository,
    SegmentsRepository,
    SegmentMerges,
    SegmentUpkeep,
    IndexUpkeep,
    KnowledgeIndex,
  ],
  exports: [KnowledgeIndex],
})
export class KnowledgeIndexModule {}
