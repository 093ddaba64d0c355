import { Injectable } from '@nestjs/common';
import { PermissionsRepository } from '../permissions/permissions.repository.js';
import { shownPermission } from '../permissions/permissions.dto.js';
import { shownRun } from '../runs/runs.dto.js';
import { RunsRepository } from '../runs/runs.repository.js';
import type { SessionEntity } from '../session.entity.js';
import { SessionsRepository } from '../sessions.repository.js';
import { resultEvent } from '../waits/answer-events.js';
import type { RunHold } from './run-hold.js';
import { RunJournal } from './run-journal.js';
import { isOpen, type RunState } from './run-state.js';
import { RunStepsRepository, type RunToolCall } from './run-steps.repository.js';

/** What it was to wait for is there already, or a cancellation comes first. */
class NothingToWaitFor extends Error {}

/** Lets go of a run that has to wait: for people, for its application, or for its session to be resumed. */
@Injectable()
export class RunPark {
  constructor(
    private readonly journal: RunJournal,
    private readonly sessions: SessionsRepository,
    private readonly runs: RunsRepository,
    private readonly steps: RunStepsRepository,
    private readonly permissions: PermissionsRepository,
  ) {}

  /** For its paused session. False when the run goes on: the session was resumed meanwhile, or the run is to be cancelled. */
  async park(hold: RunHold): Promise<boolean> {
    const isParked = await this.wait(hold, async () => {
      if ((await this.sessions.lock(hold.run.sessionId)) !== 'paused') throw new NothingToWaitFor();
    });
    if (!isParked) hold.isPausing = false;
    return isParked;
  }

  /**
   * For the answers to its calls. False when the run goes on: one was given meanwhile, and is in `state` now, or the run
   * is to be cancelled.
   */
  async untilAnswered(hold: RunHold, state: RunState): Promise<boolean> {
    let session: SessionEntity | undefined;
    const isParked = await this.wait(
      hold,
      async () => {
        await this.sessions.lock(hold.run.sessionId);
        const stored = await this.steps.toolCalls(hold.run.id);
        const waiting = new Set(state.calls.filter(({ status }) => status === 'waiting').map(({ id }) => id));
        const isAnswered = stored.some(({ id, status }) => waiting.has(id) && status !== 'waiting');
        if (!isAnswered) return;
        state.calls = stored;
        throw new NothingToWaitFor();
      },
      {
        work: async () => {
          session = await this.sessions.moveStatus(hold.run.sessionId, 'processing', 'waiting');
        },
        session: () => session,
      },
    );
    if (!isParked) await this.tellAnswers(hold, state);
    return isParked;
  }

  /** Answers that came while the run was held, by this holder or one before it. */
  async tellAnswers(hold: RunHold, state: RunState): Promise<void> {
    const untold = state.calls.filter(({ told }) => !told);
    if (untold.length === 0) return;
    const permissions = new Map(
      (await this.permissions.ofCalls(untold.map(({ id }) => id))).map((permission) => [
        permission.toolCallId,
        permission,
      ]),
    );
    const eventsOf = (call: RunToolCall) => {
      const permission = permissions.get(call.id);
      const decided = {
        type: 'permission.decided' as const,
        data: { permission: permission && shownPermission(permission) },
      };
      return [...(permission ? [decided] : []), ...(isOpen(call) ? [] : [resultEvent(call)])];
    };
    await this.journal.write(hold, {
      events: untold.flatMap(eventsOf),
      work: () => this.steps.markTold(untold.map(({ id }) => id)),
    });
    for (const call of untold) call.told = true;
  }

  private async wait(
    hold: RunHold,
    check: () => Promise<void>,
    more: { work?: () => Promise<unknown>; session?: () => SessionEntity | undefined } = {},
  ): Promise<boolean> {
    try {
      await this.journal.write(hold, {
        end: { status: 'waiting', error: null },
        events: [{ type: 'run.waiting', data: (run) => ({ run: shownRun(run) }) }],
        check: async () => {
          await check();
          if (!(await this.runs.isToBeCancelled(hold.run.id))) return;
          hold.interrupt('cancelled');
          throw new NothingToWaitFor();
        },
        ...more,
      });
      return true;
    } catch (error) {
      if (!(error instanceof NothingToWaitFor)) throw error;
      return false;
    }
  }
}
