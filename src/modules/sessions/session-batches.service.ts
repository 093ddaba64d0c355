import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { NotFound, ValidationFailed } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { MAX_FAULTS } from '../../platform/http/field-errors.js';
import { runIsOn } from './run-in-progress.js';
import { SessionBatchesRepository } from './session-batches.repository.js';
import type { SessionsMadeDto } from './session-batches.dto.js';
import { ClientToolSchemas } from './client-tools/client-tool-schemas.js';
import { SessionDrafts } from './session-drafts.service.js';
import { SessionRemoval } from './session-removal.service.js';
import { shownSession } from './session-view.js';
import type { CreateSessionDto } from './sessions.dto.js';
import { SessionsRepository } from './sessions.repository.js';

/** Many sessions in one request: all or none. */
@Injectable()
export class SessionBatches {
  constructor(
    private readonly batches: SessionBatchesRepository,
    private readonly sessions: SessionsRepository,
    private readonly drafts: SessionDrafts,
    private readonly clientTools: ClientToolSchemas,
    private readonly removal: SessionRemoval,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** @throws ValidationFailed with the faults of all, at `[2].agentId` */
  async create(bodies: readonly CreateSessionDto[]): Promise<SessionsMadeDto> {
    const { tenantId } = currentTenantActor();
    const batchId = v7();
    const pathOf = (index: number): string => `[${index}].`;
    await this.clientTools.require(bodies, pathOf);
    return this.db.run(async () => {
      const drafts = await this.drafts.of(bodies, pathOf);
      const sessions = drafts.map((draft) => ({ ...draft, batchId }));
      const ids = sessions.map(({ id }) => id);
      await Promise.all([
        this.sessions.add(sessions),
        this.events.publishEach('session.created', { resourceType: 'session', payload: {} }, ids),
        this.events.publish('sessionBatch.created', {
          resourceType: 'sessionBatch',
          resourceId: batchId,
          payload: { sessions: ids.length },
        }),
      ]);
      return { data: sessions.map((session) => shownSession({ ...session, tenantId })) };
    });
  }

  /** What is left of those that one request made. @throws NotFound when nothing is */
  async get(batchId: string): Promise<SessionsMadeDto> {
    const sessions = await this.batches.ofBatch(batchId);
    if (sessions.length === 0) throw new NotFound('Sessions');
    return { data: sessions.map(shownSession) };
  }

  /** @throws ValidationFailed naming those that do not exist, Conflict while a run of one has not ended */
  async remove(given: readonly string[]): Promise<void> {
    const ids = given.map((id) => id.toLowerCase());
    await this.db.run(async () => {
      const sessions = await this.batches.lockVisible(ids);
      const known = new Set(sessions);
      const faults = ids.flatMap((id, index) =>
        known.has(id) ? [] : [{ field: `ids[${index}]`, message: 'There is no such session', value: id }],
      );
      if (faults.length > 0) throw new ValidationFailed(faults.slice(0, MAX_FAULTS));
      if (await this.batches.haveOpenRun(ids)) throw runIsOn();
      await this.removal.remove(ids);
    });
  }
}
