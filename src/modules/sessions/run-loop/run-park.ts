import { Injectable } from '@nestjs/common';
import { shownRun } from '../runs/runs.dto.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { SessionsRepository } from '../sessions.repository.js';
import type { RunHold } from './run-hold.js';
import { RunJournal } from './run-journal.js';

/** The pause was withdrawn before the run came to wait, or a cancellation comes first. */
class NotPaused extends Error {}

/** Lets go of a run whose session is paused, between two steps; it waits until the session is resumed. */
@Injectable()
export class RunPark {
  constructor(
    private readonly journal: RunJournal,
    private readonly sessions: SessionsRepository,
    private readonly runs: RunsRepository,
  ) {}

  /** False when the run goes on: the session was resumed meanwhile, or the run is to be cancelled. */
  async park(hold: RunHold): Promise<boolean> {
    try {
      await this.journal.write(hold, {
        end: { status: 'waiting', error: null },
        events: [{ type: 'run.waiting', data: (run) => ({ run: shownRun(run) }) }],
        check: async () => {
          if ((await this.sessions.lock(hold.run.sessionId)) !== 'paused') throw new NotPaused();
          if (await this.runs.isToBeCancelled(hold.run.id)) {
            hold.interrupt('cancelled');
            throw new NotPaused();
          }
        },
      });
      return true;
    } catch (error) {
      if (!(error instanceof NotPaused)) throw error;
      hold.isPausing = false;
      return false;
    }
  }
}
