import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { PromptFiles } from '../files/prompt-files.service.js';
import { MessagesRepository, type HistoryMessage } from '../messages/messages.repository.js';
import type { WholeRun } from '../runs/run.js';
import { RunsRepository, type ShownMessage } from '../runs/runs.repository.js';
import { RunDisplay } from './run-display.js';
import type { RunHold } from './run-hold.js';
import { keptText, type RunState } from './run-state.js';
import { RunStepsRepository } from './run-steps.repository.js';

/** Messages of a conversation that are read for a prompt, at most. */
const HISTORY_MESSAGES = 20_000;

/** A run and the conversation it answers. */
export interface LoadedRun {
  run: WholeRun;
  history: HistoryMessage[];
  context: Record<string, unknown>;
}

/** Reads what a claimed run goes on from. */
@Injectable()
export class RunLoader {
  constructor(
    private readonly db: Db,
    private readonly messages: MessagesRepository,
    private readonly runs: RunsRepository,
    private readonly steps: RunStepsRepository,
    private readonly display: RunDisplay,
    private readonly files: PromptFiles,
  ) {}

  /** Sent behind the claim, without waiting for it. Null where there is no such run. */
  async load(runId: string): Promise<LoadedRun | null> {
    const [found, history] = await Promise.all([
      this.runs.findWhole(runId),
      this.messages.history(runId, HISTORY_MESSAGES),
    ]);
    return found && { ...found, history };
  }

  /** The state of a run that is held now, with the steps of those who held it before. */
  async takeUp(hold: RunHold, { history, context }: LoadedRun): Promise<RunState> {
    const { id, attempts, openMessageId, pinned } = hold.run;
    await this.files.attach(history);
    const given = { history, context, isStructured: Boolean(pinned.outputSchema) };
    if (attempts === 1) return { ...given, turns: [], calls: [] };
    const [turns, calls, shown] = await this.db.run(() =>
      Promise.all([
        this.steps.turns(id),
        this.steps.toolCalls(id),
        openMessageId ? this.runs.shownOf(id, openMessageId) : null,
      ]),
    );
    const state = { ...given, turns, calls };
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
