import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import { ParentNews } from '../runs/parent-news.js';
import { hasEnded, type Run } from '../runs/run.js';
import { RunEventsRepository, type StoredEvent } from '../runs/run-events.repository.js';
import { shownRun } from '../runs/runs.dto.js';
import { SessionNews } from '../session-news.js';
import type { SessionEntity } from '../session.entity.js';
import { SessionsRepository } from '../sessions.repository.js';
import { AskedBelow } from './asked-below.js';
import { WaitingCallsRepository, type LockedRun, type Standing } from './waiting-calls.repository.js';

/** Where a run that nobody holds goes: on, or it waits for agents, or for people. */
type Target = 'queued' | 'suspended' | 'waiting';

/** Moves runs that nobody holds to where the calls they wait for put them; of runs that are held, their holders see to it. */
@Injectable()
export class RunStanding {
  constructor(
    private readonly calls: WaitingCallsRepository,
    private readonly below: AskedBelow,
    private readonly runEvents: RunEventsRepository,
    private readonly sessions: SessionsRepository,
    private readonly parents: ParentNews,
    private readonly news: SessionNews,
    private readonly jobs: JobQueue,
    private readonly db: Db,
  ) {}

  /** What puts the run where it stands has changed. In the open transaction. */
  async settle(runId: string, sessionId: string): Promise<void> {
    await this.sessions.lock(sessionId);
    const run = await this.calls.lockRun(runId);
    if (run && !hasEnded(run.status) && !run.isHeld) await this.move(run, await this.below.untold(runId));
  }

  /** The run and its session are locked. `events`: what is to be told first. */
  async move(run: LockedRun, events: Pick<StoredEvent, 'type' | 'data'>[]): Promise<Run> {
    const target = targetOf(run, await this.calls.standing(run.id));
    const isWaiting = run.status === 'waiting';
    const turn = isWaiting === (target === 'waiting') ? null : isWaiting ? 'run.resumed' : 'run.waiting';
    if (events.length === 0 && turn === null && target !== 'queued') return run;
    const moved = await this.calls.move(run, target, events.length + (turn ? 1 : 0));
    const all = [...events, ...(turn ? [{ type: turn, data: { run: shownRun(moved) } } as const] : [])];
    const stored = all.map((event, index) => ({ seq: run.lastSeq + index + 1, ...event }));
    const at = new Date();
    await this.runEvents.add(
      at,
      stored.map((event) => ({ runId: run.id, ...event })),
    );
    const session = turn ? await this.moveSession(run.sessionId, turn) : undefined;
    if (turn) await this.parents.tell(run, turn === 'run.waiting' ? 'waiting' : 'resumed');
    // Whoever has asked it shows what it shows of those below it.
    else if (events.length > 0) await this.parents.tell(run, 'waiting');
    if (target === 'queued') this.jobs.ring('run.execute', { tenantId: run.tenantId, runId: run.id });
    this.db.afterCommit(() => this.news.happened(moved, at.toISOString(), stored, session));
    return moved;
  }

  private moveSession(id: string, turn: 'run.resumed' | 'run.waiting'): Promise<SessionEntity | undefined> {
    return turn === 'run.waiting'
      ? this.sessions.moveStatus(id, 'processing', 'waiting')
      : this.sessions.moveStatus(id, 'waiting', 'processing');
  }
}

/** A pause holds what waits; what goes on by itself comes to its own stop. */
function targetOf({ status, pauseRequestedAt }: LockedRun, standing: Standing): Target {
  if (standing === 'people' || (status === 'waiting' && pauseRequestedAt)) return 'waiting';
  return standing === 'agents' ? 'suspended' : 'queued';
}
