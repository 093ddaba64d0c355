import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { BadRequest, NotFound, ValidationFailed } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Cursors } from '../../platform/http/pagination.js';
import { AgentsService } from '../agents/agents.service.js';
import { ModelCatalog } from '../models/model-catalog.service.js';
import { runIsOn } from './run-in-progress.js';
import { RunsRepository } from './runs/runs.repository.js';
import { SessionNews } from './session-news.js';
import { shownSession } from './session-view.js';
import type { SessionEntity } from './session.entity.js';
import type { CreateSessionDto, ListSessionsQuery, SessionDto, SessionPage, UpdateSessionDto } from './sessions.dto.js';
import { SessionsRepository, type SessionChanges } from './sessions.repository.js';
import { NO_USAGE } from './usage.js';

@Injectable()
export class SessionsService {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly runs: RunsRepository,
    private readonly agents: AgentsService,
    private readonly models: ModelCatalog,
    private readonly events: Events,
    private readonly news: SessionNews,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  async create(dto: CreateSessionDto): Promise<SessionDto> {
    const session = newSession(dto, currentTenantActor().userId);
    await this.db.run(async () => {
      await this.requireReferences(dto);
      await this.sessions.add(session);
      await this.events.publish('session.created', { resourceType: 'session', resourceId: session.id, payload: {} });
    });
    return shownSession({ ...session, tenantId: currentTenantActor().tenantId });
  }

  async get(id: string): Promise<SessionDto> {
    return shownSession(await this.require(id));
  }

  async list(query: ListSessionsQuery): Promise<SessionPage> {
    const byActivity = query.sort === 'lastActivityAt';
    const [at = null, id = null] = byActivity
      ? this.cursors.decode(query.cursor, 2)
      : [null, this.cursors.id(query.cursor)];
    if (at !== null && !isTime(at)) throw new BadRequest('The cursor belongs to another list');
    const rows = await this.sessions.list(query, id === null ? null : { at, id });
    return byActivity
      ? this.cursors.page(rows, query.limit, shownSession, (row) => [row.lastActivityAt.toISOString(), row.id])
      : this.cursors.page(rows, query.limit, shownSession);
  }

  async update(id: string, dto: UpdateSessionDto): Promise<SessionDto> {
    const session = await this.db.run(async () => {
      const before = await this.sessions.findVisibleForUpdate(id);
      if (!before) throw new NotFound('Session');
      await this.requireReferences(dto);
      const changes = changesOf(dto);
      await this.sessions.change(id, { ...changes, updatedAt: new Date() });
      await this.events.publish('session.updated', {
        resourceType: 'session',
        resourceId: id,
        payload: {},
        changes: { ...dto },
      });
      if (before.visibility === 'tenant' && changes.visibility === 'private')
        this.db.afterCommit(() => this.news.hidden(before));
      return { ...before, ...changes, updatedAt: new Date() };
    });
    this.news.changed(session);
    return shownSession(session);
  }

  async remove(id: string): Promise<void> {
    await this.db.run(async () => {
      const session = await this.sessions.findVisibleForUpdate(id);
      if (!session) throw new NotFound('Session');
      if (await this.runs.hasOpen(id)) throw runIsOn();
      await this.sessions.markDeleted(id);
      this.db.afterCommit(() => this.news.hidden(session));
      await this.events.publish('session.deleted', { resourceType: 'session', resourceId: id, payload: {} });
    });
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

  private async requireReferences(dto: CreateSessionDto): Promise<void> {
    if (dto.model) this.models.require(dto.model, 'model');
    if (dto.agentId && !(await this.agents.pin(dto.agentId))) {
      throw ValidationFailed.of('agentId', 'There is no such agent', dto.agentId);
    }
  }
}

export function newSession(dto: CreateSessionDto, createdBy: string | null): Omit<SessionEntity, 'tenantId'> {
  const now = new Date();
  const { estimated: usageEstimated, ...usage } = NO_USAGE;
  return {
    id: v7(),
    agentId: dto.agentId ?? null,
    createdBy,
    title: dto.title ?? null,
    pattern: dto.pattern ?? 'chatbot',
    visibility: dto.visibility ?? 'private',
    status: 'created',
    model: dto.model ?? null,
    systemPrompt: dto.systemPrompt ?? null,
    tools: dto.tools ?? null,
    permissionPolicy: dto.permissionPolicy ?? null,
    context: dto.context ?? {},
    clientTools: dto.clientTools ?? [],
    metadata: dto.metadata ?? {},
    forkedFromSessionId: null,
    forkedFromMessageId: null,
    messageCount: 0,
    lastPosition: 0,
    ...usage,
    usageEstimated,
    lastActivityAt: now,
    deletedAt: null,
    createdAt: now,
    updatedAt: now,
  };
}

function isTime(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text;
}

/** Only what was given; null resets. */
function changesOf(dto: UpdateSessionDto): SessionChanges {
  const reset = { visibility: 'private', metadata: {} } as const;
  const changes: SessionChanges = {};
  if (dto.title !== undefined) changes.title = dto.title;
  if (dto.visibility !== undefined) changes.visibility = dto.visibility ?? reset.visibility;
  if (dto.model !== undefined) changes.model = dto.model;
  if (dto.systemPrompt !== undefined) changes.systemPrompt = dto.systemPrompt;
  if (dto.tools !== undefined) changes.tools = dto.tools;
  if (dto.permissionPolicy !== undefined) changes.permissionPolicy = dto.permissionPolicy;
  if (dto.metadata !== undefined) changes.metadata = dto.metadata ?? reset.metadata;
  return changes;
}
