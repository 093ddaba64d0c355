import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Conflict } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { EventConsumers } from '../../../platform/events/event-consumers.js';
import { shownText } from '../executions/execution.js';
import { MessagesRepository } from '../messages/messages.repository.js';
import { hasEnded, type Run } from '../runs/run.js';
import { RunLine } from '../runs/run-line.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { CallAnswers } from '../waits/call-answers.service.js';
import { RunStanding } from '../waits/run-standing.service.js';
import { SessionsRepository } from '../sessions.repository.js';
import { WaitingCallsRepository } from '../waits/waiting-calls.repository.js';
import type { AgentTask } from './agent-task.js';
import { AgentTasksRepository } from './agent-tasks.repository.js';

const CONSUMER = 'parent-runs';

/** Tells runs what has become of those that they asked for, and the other way round. */
@Injectable()
export class ParentRuns implements OnModuleInit {
  constructor(
    private readonly consumers: EventConsumers,
    private readonly tasks: AgentTasksRepository,
    private readonly runs: RunsRepository,
    private readonly messages: MessagesRepository,
    private readonly calls: WaitingCallsRepository,
    private readonly answers: CallAnswers,
    private readonly standing: RunStanding,
    private readonly line: RunLine,
    private readonly sessions: SessionsRepository,
    private readonly db: Db,
  ) {}

  onModuleInit(): void {
    this.consumers.on(CONSUMER, ['agentRun.ended'], ({ payload }) => this.onEnd(payload.runId));
    this.consumers.on(CONSUMER, ['agentRun.waiting', 'agentRun.resumed'], ({ payload }) => this.onWait(payload.runId));
    this.consumers.on(CONSUMER, ['run.cancelRequested', 'run.cancelled', 'run.failed'], async ({ resourceId }) => {
      if (resourceId !== null) await this.cancelBelow(resourceId);
    });
  }

  /** What a run came to that another asked for; done once, however often it is said. */
  async onEnd(runId: string): Promise<void> {
    await this.db.run(async () => {
      const task = await this.tasks.ofRun(runId);
      // Whether or not its session is there still: who asked waits for it.
      const found = task && (await this.runs.findWhole(runId));
      if (!found || !hasEnded(found.run.status)) return;
      const { run } = found;
      const { text, isError } = await this.replyOf(run);
      await this.tasks.addReply(task.id, text, isError);
      await this.answer(task, text, isError);
    });
  }

  private async answer(task: AgentTask, text: string, isError: boolean): Promise<void> {
    const call = await this.calls.find(task.toolCallId);
    if (call?.status !== 'waiting') return;
    const status = isError ? 'failed' : 'completed';
    try {
      await this.answers.answer(call, { status, decision: null, decidedBy: null, ...shownText(text, isError) }, null);
    } catch (error) {
      // Who asked has ended, or is about to.
      if (!(error instanceof Conflict)) throw error;
    }
  }

  private async replyOf(run: Run): Promise<{ text: string; isError: boolean }> {
    if (run.status === 'cancelled') return { text: 'The agent was stopped before it had answered', isError: true };
    if (run.status === 'failed') return { text: `The agent failed: ${run.error?.message ?? 'unknown'}`, isError: true };
    const answer = await this.messages.findAnswer(run.id, run.sessionId);
    return { text: answer?.content ?? '', isError: false };
  }

  private async onWait(runId: string): Promise<void> {
    await this.db.run(async () => {
      const task = await this.tasks.ofRun(runId);
      if (task) await this.standing.settle(task.parentRunId, task.parentSessionId);
    });
  }

  /** Nobody wants their answers any more. */
  private async cancelBelow(runId: string): Promise<void> {
    await this.db.run(async () => {
      const below = await this.tasks.openBelow(runId);
      for (const { sessionId } of below) await this.sessions.lock(sessionId);
      if (below.length === 0) return;
      await this.line.interrupt({ isHeld: false, interrupted: below.map((run) => run.runId) });
    });
  }
}
