import { Injectable } from '@nestjs/common';
import { Conflict } from '../../contracts/errors.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { Live } from '../../platform/live/live.js';
import { ParentNews } from './runs/parent-news.js';
import type { Run } from './runs/run.js';
import { runIsOn } from './run-in-progress.js';
import { RunLine } from './runs/run-line.js';
import { RunNotices } from './runs/run-notices.js';
import { RunsRepository } from './runs/runs.repository.js';
import { RunsService } from './runs/runs.service.js';
import { RunStanding } from './waits/run-standing.service.js';
import type { SessionEntity, SessionStatus } from './session.entity.js';
import { SessionNews } from './session-news.js';
import { shownSession } from './session-view.js';
import type { SessionDto } from './sessions.dto.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';

type Verb = 'pause' | 'resume' | 'complete' | 'archive';

/** From where a person may put a session where; `failed` and the states of a run under way are the system's alone. */
const FROM: Record<Verb, readonly SessionStatus[]> = {
  pause: ['created', 'active', 'processing', 'waiting'],
  resume: ['paused', 'completed', 'archived'],
  complete: ['created', 'active', 'paused'],
  archive: ['created', 'active', 'paused', 'completed', 'failed'],
};

/** Puts sessions into the states that people choose. */
@Injectable()
export class SessionStates {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly service: SessionsService,
    private readonly runs: RunsRepository,
    private readonly runsService: RunsService,
    private readonly line: RunLine,
    private readonly standing: RunStanding,
    private readonly notices: RunNotices,
    private readonly parents: ParentNews,
    private readonly events: Events,
    private readonly news: SessionNews,
    private readonly live: Live,
    private readonly db: Db,
  ) {}

  /** The run under way, if any, stops after its step and waits. @throws NotFound, Conflict */
  async pause(id: string): Promise<SessionDto> {
    const session = await this.db.run(async () => {
      const paused = await this.move(id, 'pause', 'paused');
      for (const run of await this.runs.requestPause(id)) {
        if (run.status === 'waiting') await this.tellWaiting(run);
        else this.db.afterCommit(() => this.live.signal('run.pause', { runId: run.id }));
      }
      await this.publish(id, 'session.paused');
      return paused;
    });
    this.news.changed(session);
    return shownSession(session);
  }

  /** A run that waits goes to where it would be without the pause: on, where nobody is waited for. @throws NotFound, Conflict */
  async resume(id: string): Promise<SessionDto> {
    const session = await this.db.run(async () => {
      const { tenantId } = await this.lockFrom(id, 'resume');
      for (const runId of await this.runs.withdrawPause(id)) await this.standing.settle(runId, id);
      await this.line.startNext({ tenantId, id });
      const resumed = await this.sessions.setStatus(id, await this.statusByRuns(id));
      await this.publish(id, 'session.resumed');
      return resumed;
    });
    this.news.changed(session);
    return shownSession(session);
  }

  /** @throws NotFound, Conflict (`run_in_progress` while a run has not ended) */
  complete(id: string): Promise<SessionDto> {
    return this.close(id, 'complete', 'completed');
  }

  /** @throws NotFound, Conflict (`run_in_progress` while a run has not ended) */
  archive(id: string): Promise<SessionDto> {
    return this.close(id, 'archive', 'archived');
  }

  /** Cancels the run under way and those in line; nothing happens where there is none. @throws NotFound */
  async interrupt(id: string): Promise<SessionDto> {
    await this.runsService.cancelAll(id);
    return this.service.get(id);
  }

  private async tellWaiting(run: Run): Promise<void> {
    await this.notices.tell([run], 'run.waiting');
    await this.parents.tell(run, 'waiting');
  }

  private async statusByRuns(id: string): Promise<SessionStatus> {
    if (await this.runs.waitsInSession(id)) return 'waiting';
    return (await this.runs.hasOpen(id)) ? 'processing' : 'active';
  }

  private async close(id: string, verb: 'complete' | 'archive', to: 'completed' | 'archived'): Promise<SessionDto> {
    const session = await this.db.run(async () => {
      const closed = await this.move(id, verb, to);
      if (await this.runs.hasOpen(id)) throw runIsOn();
      await this.publish(id, `session.${to}`);
      return closed;
    });
    this.news.changed(session);
    return shownSession(session);
  }

  private async move(id: string, verb: Verb, to: SessionStatus): Promise<SessionEntity> {
    await this.lockFrom(id, verb);
    return this.sessions.setStatus(id, to);
  }

  private async lockFrom(id: string, verb: Verb): Promise<SessionEntity> {
    const session = await this.service.requireLocked(id);
    if (FROM[verb].includes(session.status)) return session;
    if (session.status === 'processing' || session.status === 'waiting') throw runIsOn();
    throw new Conflict(`The session is ${session.status}: there is nothing to ${verb}`);
  }

  private async publish(
    resourceId: string,
    action: 'session.paused' | 'session.resumed' | 'session.completed' | 'session.archived',
  ): Promise<void> {
    await this.events.publish(action, { resourceType: 'session', resourceId, payload: {} });
  }
}
