import { Injectable } from '@nestjs/common';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { SessionNews } from './session-news.js';
import { SessionsRepository } from './sessions.repository.js';

/** Deletes sessions, with those that agents began for them. */
@Injectable()
export class SessionRemoval {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly events: Events,
    private readonly news: SessionNews,
    private readonly db: Db,
  ) {}

  /** In the open transaction, which has locked them. */
  async remove(ids: readonly string[]): Promise<void> {
    const { tenantId } = currentTenantActor();
    const gone = await this.sessions.markDeleted(ids);
    this.db.afterCommit(() => gone.forEach((id) => this.news.hidden({ tenantId, id })));
    // What follows a session, as its working directory does, has to hear of each.
    await this.events.publishEach('session.deleted', { resourceType: 'session', payload: {} }, gone);
  }
}
