import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { FileBlock } from '../../models/model-client.js';
import { PromptFiles } from '../files/prompt-files.service.js';
import { MessagesRepository } from '../messages/messages.repository.js';
import { RunEventsRepository, type ShownMessage } from '../runs/run-events.repository.js';
import type { FoundRun } from '../runs/runs.repository.js';
import { RunDisplay } from './run-display.js';
import type { RunHold } from './run-hold.js';
import { keptText, type RunState } from './run-state.js';
import { RunStepsRepository } from './run-steps.repository.js';

/** Bytes of a conversation that are read for a prompt, at most: many times what any model takes in. */
const HISTORY_BYTES = 32 * 1024 * 1024;

/** Reads what a claimed run goes on from. */
@Injectable()
export class RunLoader {
  constructor(
    private readonly db: Db,
    private readonly messages: MessagesRepository,
    private readonly events: RunEventsRepository,
    private readonly steps: RunStepsRepository,
    private readonly display: RunDisplay,
    private readonly files: PromptFiles,
  ) {}

  /**
   * The state of a run that is held now, with the steps of those who held it before. The claim is committed by then: a
   * history that nobody can read must not be read for ever. `isLost`: it will not go on, so its history is left alone.
   */
  async takeUp(
    hold: RunHold,
    { context, isUntitled, history: known }: Omit<FoundRun, 'claimedAt'>,
    isLost: boolean,
  ): Promise<RunState> {
    const { id, attempts, openMessageId, pinned } = hold.run;
    const history = isLost ? [] : (known ?? (await this.messages.history(hold.run, HISTORY_BYTES)));
    await this.files.attach(history);
    const given = {
      history,
      context,
      isUntitled,
      isStructured: Boolean(pinned.outputSchema),
      tooLong: [],
      files: new Map<string, FileBlock>(),
      unavailable: [],
      hasKnowledge: false,
      delegated: { tokens: 0, costMicros: 0, activeMs: 0 },
    };
    if (attempts === 1 && !isLost) return { ...given, turns: [], calls: [] };
    const [turns, calls, shown] = await this.db.run(() =>
      Promise.all([
        this.steps.turns(id),
        this.steps.toolCalls(id),
        openMessageId ? this.events.shownOf(id, openMessageId) : null,
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
