import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Passage } from '../../../contracts/passage.js';
import { KnowledgeTools, type KnowledgeQuery, type KnowledgeSearch } from '../../tools/tool-knowledge.js';
import { ToolRegistry } from '../../tools/tool-registry.service.js';
import { CollectionsService } from '../collections/collections.service.js';
import { compileFilter } from '../filters/compile-filter.js';
import { MOST_COLLECTIONS } from './search.dto.js';
import { passageOf, SearchService } from './search.service.js';

/** What agents find in documents: `rag:search`. */
@Injectable()
export class AgentsKnowledge implements KnowledgeSearch, OnModuleInit {
  constructor(
    private readonly searching: SearchService,
    private readonly collections: CollectionsService,
    private readonly tools: ToolRegistry,
  ) {}

  onModuleInit(): void {
    this.tools.addSource(new KnowledgeTools(this));
  }

  /** As the person behind the run: what they may not read is not there. @throws ValidationFailed */
  async search({ query, collectionIds, topK, filter, signal }: KnowledgeQuery): Promise<Passage[]> {
    const compiled = filter && compileFilter(filter, 'd.metadata');
    const ids = collectionIds ?? (await this.collections.readableIds(MOST_COLLECTIONS));
    const collections = await this.collections.readable(ids);
    if (collections.length === 0) return [];
    return (await this.searching.searchIn(collections, { query, topK, filter: compiled, signal })).map(passageOf);
  }
}
