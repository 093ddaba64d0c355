import { Injectable } from '@nestjs/common';
import { Conflict } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import { PermissionsRepository } from '../permissions/permissions.repository.js';
import { hasEnded, type Run } from '../runs/run.js';
import { RunEventsRepository } from '../runs/run-events.repository.js';
import { shownRun } from '../runs/runs.dto.js';
import { SessionNews } from '../session-news.js';
import { SessionsRepository } from '../sessions.repository.js';
import { answerEvents } from './answer-events.js';
import { WaitingCallsRepository, type CallAnswer, type WaitingCall } from './waiting-calls.repository.js';

/** Somebody's word about the permission that a call waits for. */
export interface PermissionWord {
  status: 'allowed' | 'denied' | 'expired';
  decidedBy: string | null;
  reason: string | null;
}

/**
 * Gives calls what they wait for, whoever it comes from. A run that waits is told of it here and goes on once nothing
 * is waited for; one that is held is told by its holder, who finds the answer before it would wait.
 */
@Injectable()
export class CallAnswers {
  constructor(
    private readonly calls: WaitingCallsRepository,
    private readonly permissions: PermissionsRepository,
    private readonly runEvents: RunEventsRepository,
    private readonly sessions: SessionsRepository,
    private readonly news: SessionNews,
    private readonly jobs: JobQueue,
    private readonly db: Db,
  ) {}

  /**
   * In the open transaction. `word`: what settles the call's permission.
   * @throws Conflict when the call does not wait any more, or its run is to be cancelled
   */
  async answer(call: WaitingCall, answer: CallAnswer, word: PermissionWord | null): Promise<Run> {
    await this.sessions.lock(call.sessionId);
    const run = await this.calls.lockRun(call.runId);
    if (!run || hasEnded(run.status) || run.cancelRequestedAt) throw new Conflict('The run has ended, or is about to');
    const told = run.status === 'waiting';
    if (!(await this.calls.answer(call.id, answer, told))) throw new Conflict('It was answered already');
    const permission = word && (await this.permissions.settle(call.id, word));
    await this.calls.record(call, run, answer);
    if (!told) return run;
    return this.tell(run, answerEvents(call, answer, permission));
  }

  private async tell(waiting: Run, events: ReturnType<typeof answerEvents>): Promise<Run> {
    const { run, goesOn } = await this.calls.advance(waiting, events.length);
    const resumed = goesOn ? [{ type: 'run.resumed' as const, data: { run: shownRun(run) } }] : [];
    const stored = [...events, ...resumed].map((event, index) => ({ seq: waiting.lastSeq + index + 1, ...event }));
    const at = new Date();
    await this.runEvents.add(
      at,
      stored.map((event) => ({ runId: run.id, ...event })),
    );
    const session = goesOn ? await this.sessions.moveStatus(run.sessionId, 'waiting', 'processing') : undefined;
    if (goesOn) this.jobs.ring('run.execute', { tenantId: run.tenantId, runId: run.id });
    this.db.afterCommit(() => this.news.happened(run, at.toISOString(), stored, session));
    return run;
  }
}
