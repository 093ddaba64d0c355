import { Injectable } from '@nestjs/common';
import { NotFound } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import { runIsOn } from './run-in-progress.js';
import { RunsRepository } from './runs/runs.repository.js';
import { ClientToolSchemas } from './client-tools/client-tool-schemas.js';
import { SessionDrafts } from './session-drafts.service.js';
import { SessionListRepository } from './session-list.repository.js';
import { SessionNews } from './session-news.js';
import { afterOf, sessionPage } from './session-order.js';
import { SessionRemoval } from './session-removal.service.js';
import { SessionReferences } from './session-references.service.js';
import { givenTitle } from './session-title.js';
import { shownSession } from './session-view.js';
import type { SessionEntity } from './session.entity.js';
import type { CreateSessionDto, ListSessionsQuery, SessionDto, SessionPage, UpdateSessionDto } from './sessions.dto.js';
import { SessionsRepository, type SessionChanges } from './sessions.repository.js';

@Injectable()
export class SessionsService {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly lists: SessionListRepository,
    private readonly runs: RunsRepository,
    private readonly removal: SessionRemoval,
    private readonly drafts: SessionDrafts,
    private readonly clientTools: ClientToolSchemas,
    private readonly references: SessionReferences,
    private readonly events: Events,
    private readonly news: SessionNews,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  async create(dto: CreateSessionDto): Promise<SessionDto> {
    const { tenantId } = currentTenantActor();
    await this.clientTools.require([dto]);
    return this.db.run(async () => {
      const [session] = await this.drafts.of([dto]);
      if (!session) throw new Error('Of one body nothing was made');
      await Promise.all([
        this.sessions.add([session]),
        this.events.publish('session.created', { resourceType: 'session', resourceId: session.id, payload: {} }),
      ]);
      return shownSession({ ...session, tenantId });
    });
  }

  async get(id: string): Promise<SessionDto> {
    return shownSession(await this.require(id));
  }

  async list(query: ListSessionsQuery): Promise<SessionPage> {
    const after = afterOf(query, this.cursors);
    const rows = await this.lists.list(query, after);
    return sessionPage(rows, query, after, this.cursors, shownSession);
  }

  async update(id: string, dto: UpdateSessionDto): Promise<SessionDto> {
    const session = await this.db.run(async () => {
      const before = await this.requireLocked(id);
      await this.references.require(dto);
      const changes = { ...changesOf(dto), updatedAt: new Date() };
      await this.sessions.change(id, changes);
      await this.events.publish('session.updated', {
        resourceType: 'session',
        resourceId: id,
        payload: {},
        changes: { ...dto },
      });
      if (changes.visibility !== undefined && changes.visibility !== before.visibility)
        await this.moveOutOfSight(before, changes.visibility);
      return { ...before, ...changes };
    });
    this.news.changed(session);
    return shownSession(session);
  }

  async remove(id: string): Promise<void> {
    await this.db.run(async () => {
      const session = await this.requireLocked(id);
      if (await this.runs.hasOpen(id)) throw runIsOn();
      await this.removal.remove([session.id]);
    });
  }

  /** With those below it: they are seen by whoever sees this one. */
  private async moveOutOfSight(session: SessionEntity, visibility: SessionEntity['visibility']): Promise<void> {
    const { tenantId } = session;
    const moved = [session.id, ...(await this.sessions.setVisibilityBelow(session.id, visibility))];
    if (visibility === 'private') this.db.afterCommit(() => moved.forEach((id) => this.news.hidden({ tenantId, id })));
  }

  /** @throws NotFound, also for a session of someone else that is private */
  async require(id: string): Promise<SessionEntity> {
    const session = await this.sessions.findVisible(id);
    if (!session) throw new NotFound('Session');
    return session;
  }

  /** As `require`; what happens in the session waits until the transaction ends. @throws NotFound */
  async requireLocked(id: string): Promise<SessionEntity> {
    const session = await this.sessions.findVisibleForUpdate(id);
    if (!session) throw new NotFound('Session');
    return session;
  }
}

/** Only what was given; null resets. */
function changesOf(dto: UpdateSessionDto): SessionChanges {
  const reset = { visibility: 'private', metadata: {} } as const;
  const changes: SessionChanges = {};
  if (dto.title !== undefined) changes.title = givenTitle(dto.title);
  if (dto.visibility !== undefined) changes.visibility = dto.visibility ?? reset.visibility;
  if (dto.model !== undefined) changes.model = dto.model;
  if (dto.systemPrompt !== undefined) changes.systemPrompt = dto.systemPrompt;
  if (dto.tools !== undefined) changes.tools = dto.tools;
  if (dto.permissionPolicy !== undefined) changes.permissionPolicy = dto.permissionPolicy;
  if (dto.metadata !== undefined) changes.metadata = dto.metadata ?? reset.metadata;
  return changes;
}
