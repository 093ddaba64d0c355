import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { MessagesRepository } from '../messages/messages.repository.js';
import { RunsRepository, type ShownMessage } from '../runs/runs.repository.js';
import { SessionsRepository } from '../sessions.repository.js';
import { RunDisplay } from './run-display.js';
import type { RunHold } from './run-hold.js';
import { keptText, type RunState } from './run-state.js';
import { RunStepsRepository } from './run-steps.repository.js';

/** Messages of a conversation that are read for a prompt, at most. */
const HISTORY_MESSAGES = 2_000;

/** Reads what a claimed run goes on from. */
@Injectable()
export class RunLoader {
  constructor(
    private readonly db: Db,
    private readonly messages: MessagesRepository,
    private readonly sessions: SessionsRepository,
    private readonly runs: RunsRepository,
    private readonly steps: RunStepsRepository,
    private readonly display: RunDisplay,
  ) {}

  async load(hold: RunHold): Promise<RunState> {
    const { run } = hold;
    const begun = run.attempts > 1;
    const { state, shown } = await this.db.run(async () => ({
      state: {
        history: await this.messages.history(run.sessionId, run.messageId, HISTORY_MESSAGES),
        context: await this.sessions.context(run.sessionId),
        turns: begun ? await this.steps.turns(run.id) : [],
        calls: begun ? await this.steps.toolCalls(run.id) : [],
      },
      shown: run.openMessageId ? await this.runs.shownOf(run.id, run.openMessageId) : null,
    }));
    this.takeUpMessage(hold, state, shown);
    return state;
  }

  /** A message the last holder left half said: cancelled, it ends as it stands; else what was not kept is void. */
  private takeUpMessage(hold: RunHold, state: RunState, shown: ShownMessage | null): void {
    const kept = keptText(state);
    if (!shown || (shown.text === kept && !shown.isThinking)) return;
    // A model call was under way, and what it cost is not known.
    hold.run.usageEstimated = true;
    if (hold.run.cancelRequestedAt && shown.text.startsWith(kept)) {
      hold.partial = [{ type: 'text', text: shown.text.slice(kept.length), turn: state.turns.length }];
    } else {
      this.display.discard(hold, 'The answer was broken off; it is begun again from the last finished step');
    }
  }
}
