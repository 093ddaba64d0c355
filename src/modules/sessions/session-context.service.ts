import { Injectable } from '@nestjs/common';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { patchedContext } from './session-context.js';
import { SessionNews } from './session-news.js';
import { shownSession } from './session-view.js';
import type { SessionDto } from './sessions.dto.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';

/** An application changes its state as often as it likes: the log keeps what was touched, not each state. */
const MAX_NAMES = 100;

/** The state of the application around a conversation. */
@Injectable()
export class SessionContexts {
  constructor(
    private readonly service: SessionsService,
    private readonly sessions: SessionsRepository,
    private readonly events: Events,
    private readonly news: SessionNews,
    private readonly db: Db,
  ) {}

  /** A run under way goes by it from its next model call on. @throws NotFound, ValidationFailed */
  async patch(id: string, patch: Record<string, unknown>): Promise<SessionDto> {
    const session = await this.db.run(async () => {
      const before = await this.service.requireLocked(id);
      const changes = { context: patchedContext(before.context, patch), updatedAt: new Date() };
      await this.sessions.change(id, changes);
      await this.events.publish('session.updated', {
        resourceType: 'session',
        resourceId: id,
        payload: {},
        changes: { context: Object.keys(patch).slice(0, MAX_NAMES) },
      });
      return { ...before, ...changes };
    });
    this.news.changed(session);
    return shownSession(session);
  }
}
