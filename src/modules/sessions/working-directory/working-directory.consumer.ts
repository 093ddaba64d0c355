import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { EventConsumers } from '../../../platform/events/event-consumers.js';
import { WorkspacesService } from '../../workspaces/workspaces.service.js';
import { SessionCourseRepository } from './session-course.repository.js';

/**
 * Has the files of a session, and of those below it, follow its state. Events come in any order and more than once, so
 * what counts is not what an event says but what the session is by now.
 */
@Injectable()
export class WorkingDirectoryConsumer implements OnModuleInit {
  constructor(
    private readonly consumers: EventConsumers,
    private readonly sessions: SessionCourseRepository,
    private readonly workspaces: WorkspacesService,
    private readonly db: Db,
  ) {}

  onModuleInit(): void {
    const actions = ['session.archived', 'session.resumed', 'session.deleted'] as const;
    this.consumers.on('workingDirectory', actions, ({ resourceId }) => this.follow(resourceId));
  }

  private async follow(sessionId: string | null): Promise<void> {
    if (sessionId === null) return;
    await this.db.run(async () => {
      for (const { id, course } of await this.sessions.lock(sessionId)) await this.workspaces.follow(id, course);
    });
  }
}
