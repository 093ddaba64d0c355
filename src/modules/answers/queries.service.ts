import { Injectable } from '@nestjs/common';
import { NotFound } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import { CollectionsService } from '../rag/collections/collections.service.js';
import { shownQuery, type ListQueriesQuery, type QueryDto, type QueryPage } from './answers.dto.js';
import { QueriesRepository, type Sight } from './queries.repository.js';
import type { KnowledgeQuery } from './query.js';

/** The log of what was asked. */
@Injectable()
export class QueriesService {
  constructor(
    private readonly queries: QueriesRepository,
    private readonly collections: CollectionsService,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  async keep(query: KnowledgeQuery): Promise<void> {
    await this.db.run(async () => {
      await this.queries.add(query);
      const { collectionIds, status, sources } = query;
      await this.events.publish('query.answered', {
        resourceType: 'query',
        resourceId: query.id,
        payload: { collectionIds, status, sources: sources.length },
        bindsKey: status === 'completed',
      });
    });
  }

  /** @throws NotFound */
  async get(id: string): Promise<QueryDto> {
    return shownQuery(await this.require(id));
  }

  /** @throws NotFound */
  async require(id: string): Promise<KnowledgeQuery> {
    const query = await this.queries.findVisible(id, await this.sight());
    if (!query) throw new NotFound('Query');
    return query;
  }

  async list({ cursor, limit, collectionId }: ListQueriesQuery): Promise<QueryPage> {
    const before = this.cursors.id(cursor);
    const sight = await this.sight();
    const rows = await this.queries.listVisible({ ...sight, collectionId, before, limit: limit + 1 });
    return this.cursors.page(rows, limit, shownQuery);
  }

  private async sight(): Promise<Sight> {
    const { role } = currentTenantActor();
    return { readable: await this.collections.readableIds(), seesOthers: role === 'owner' || role === 'admin' };
  }
}
