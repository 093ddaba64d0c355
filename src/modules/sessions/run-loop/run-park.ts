import { Injectable } from '@nestjs/common';
import { ParentNews } from '../runs/parent-news.js';
import { shownRun } from '../runs/runs.dto.js';
import { RunsRepository } from '../runs/runs.repository.js';
import type { SessionEntity } from '../session.entity.js';
import { SessionsRepository } from '../sessions.repository.js';
import type { EventOfCall } from '../waits/answer-events.js';
import { AskedBelow } from '../waits/asked-below.js';
import { WaitingCallsRepository, type Standing } from '../waits/waiting-calls.repository.js';
import { ToldAnswers } from './told-answers.js';
import type { RunHold } from './run-hold.js';
import { RunJournal, type JournalEntry } from './run-journal.js';
import type { RunState } from './run-state.js';
import { RunStepsRepository } from './run-steps.repository.js';

/** What it was to wait for is there already, or a cancellation comes first. */
class NothingToWaitFor extends Error {}

/** It waits for others than was thought: an agent that was at work is waiting for a person now, or the other way round. */
class WaitsForOthers extends Error {}

/** Lets go of a run that has to wait: for people, its application, other agents, or for its session to be resumed. */
@Injectable()
export class RunPark {
  constructor(
    private readonly journal: RunJournal,
    private readonly sessions: SessionsRepository,
    private readonly runs: RunsRepository,
    private readonly steps: RunStepsRepository,
    private readonly calls: WaitingCallsRepository,
    private readonly below: AskedBelow,
    private readonly answers: ToldAnswers,
    private readonly parents: ParentNews,
  ) {}

  /** For its paused session. False when the run goes on: the session was resumed meanwhile, or the run is to be cancelled. */
  async park(hold: RunHold): Promise<boolean> {
    const isParked = await this.letGo(hold, this.waiting(hold), async () => {
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
    for (;;) {
      const standing = await this.calls.standing(hold.run.id);
      const entry =
        standing === 'agents' ? this.suspended(hold, state) : this.waiting(hold, await this.askedBelow(hold, state));
      try {
        const isParked = await this.letGo(hold, entry, () => this.checkAnswers(hold, state, standing));
        if (!isParked) await this.answers.tell(hold, state);
        return isParked;
      } catch (error) {
        if (!(error instanceof WaitsForOthers)) throw error;
      }
    }
  }

  private async checkAnswers(hold: RunHold, state: RunState, standing: Standing): Promise<void> {
    await this.sessions.lock(hold.run.sessionId);
    const stored = await this.steps.toolCalls(hold.run.id);
    const waiting = new Set(state.calls.filter(({ status }) => status === 'waiting').map(({ id }) => id));
    if (stored.some(({ id, status }) => waiting.has(id) && status !== 'waiting')) {
      state.calls = stored;
      throw new NothingToWaitFor();
    }
    if ((await this.calls.standing(hold.run.id)) !== standing) throw new WaitsForOthers();
  }

  private async askedBelow({ run }: RunHold, { calls }: RunState): Promise<EventOfCall[]> {
    return calls.some(({ waitsFor }) => waitsFor === 'agent') ? this.below.untold(run.id) : [];
  }

  private waiting({ run }: RunHold, asked: EventOfCall[] = []): JournalEntry {
    let session: SessionEntity | undefined;
    return {
      end: { status: 'waiting', error: null },
      events: [...asked, { type: 'run.waiting', data: (told) => ({ run: shownRun(told) }) }],
      work: async () => {
        session = await this.sessions.moveStatus(run.sessionId, 'processing', 'waiting');
        await this.parents.tell(run, 'waiting');
      },
      session: () => session,
    };
  }

  /** Agents are at work for it: to those who look on, it is still running. What it asks itself is shown above it by now. */
  private suspended({ run }: RunHold, { calls }: RunState): JournalEntry {
    const asks = calls.some(({ status, waitsFor }) => status === 'waiting' && waitsFor !== 'agent');
    return {
      end: { status: 'suspended', error: null },
      events: [],
      ...(asks && { work: () => this.parents.tell(run, 'waiting') }),
    };
  }

  private async letGo(hold: RunHold, entry: JournalEntry, check: () => Promise<void>): Promise<boolean> {
    try {
      await this.journal.write(hold, {
        ...entry,
        check: async () => {
          await check();
          if (!(await this.runs.isToBeCancelled(hold.run.id))) return;
          hold.interrupt('cancelled');
          throw new NothingToWaitFor();
        },
      });
      return true;
    } catch (error) {
      if (!(error instanceof NothingToWaitFor)) throw error;
      return false;
    }
  }
}
