import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '../../../contracts/errors.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { newSession } from '../session-drafts.service.js';
import { FilesRepository } from '../files/files.repository.js';
import type { SessionDto } from '../sessions.dto.js';
import type { SessionEntity } from '../session.entity.js';
import { SessionsRepository } from '../sessions.repository.js';
import { SessionsService } from '../sessions.service.js';
import type { ForkSessionDto } from './forks.dto.js';
import { ForksRepository } from './forks.repository.js';

/** New sessions that go on from somewhere in another one. */
@Injectable()
export class ForksService {
  constructor(
    private readonly service: SessionsService,
    private readonly sessions: SessionsRepository,
    private readonly forks: ForksRepository,
    private readonly files: FilesRepository,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** @throws NotFound, ValidationFailed when the session has no such message */
  async fork(sourceId: string, { messageId, title }: ForkSessionDto): Promise<SessionDto> {
    return this.db.run(async () => {
      const source = await this.service.require(sourceId);
      if (messageId && !(await this.forks.hasMessage(sourceId, messageId))) {
        throw ValidationFailed.of('messageId', 'There is no such message in this session', messageId);
      }
      const fork = forkOf(source, title ?? source.title, currentTenantActor().userId);
      await this.sessions.add([fork]);
      await this.forks.settle(fork.id, await this.forks.copyMessages(sourceId, fork.id, messageId ?? null));
      await this.files.copyUses(sourceId, fork.id);
      await this.events.publish('session.created', {
        resourceType: 'session',
        resourceId: fork.id,
        payload: { forkedFrom: { sessionId: sourceId, messageId: messageId ?? null } },
      });
      return this.service.get(fork.id);
    });
  }
}

/** What the session is goes over; what happened in it does not. */
function forkOf(
  source: SessionEntity,
  title: string | null,
  createdBy: string | null,
): Omit<SessionEntity, 'tenantId'> {
  const { agentId, pattern, visibility, model, systemPrompt, tools, permissionPolicy, context, clientTools, metadata } =
    source;
  return {
    ...newSession({}, createdBy),
    ...{ agentId, pattern, visibility, model, systemPrompt, tools, permissionPolicy, context, clientTools, metadata },
    title,
    forkedFromSessionId: source.id,
  };
}
