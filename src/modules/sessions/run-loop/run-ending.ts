import { Injectable, Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { storableText } from '../../../platform/database/storable.js';
import { Events } from '../../../platform/events/events.js';
import { TellingHooks } from '../../hooks/telling-hooks.service.js';
import { MessageEditsRepository } from '../messages/message-edits.repository.js';
import { shownMessage } from '../messages/messages.dto.js';
import { MessagesRepository } from '../messages/messages.repository.js';
import { textOf, type StoredBlock } from '../messages/message.js';
import { ParentNews } from '../runs/parent-news.js';
import type { RunError } from '../runs/run.js';
import { RunLine } from '../runs/run-line.js';
import { shownRun } from '../runs/runs.dto.js';
import type { SessionEntity } from '../session.entity.js';
import { SessionsRepository } from '../sessions.repository.js';
import { RunDisplay } from './run-display.js';
import type { RunHold } from './run-hold.js';
import { RunJournal, type JournalEntry } from './run-journal.js';
import { RunMetrics } from './run-metrics.js';
import { answerOf, hasSteps, keptBlocks, keptText, titleOf, type RunState } from './run-state.js';
import { RunStepsRepository } from './run-steps.repository.js';
import { ToldAnswers } from './told-answers.js';

type Ending = { status: 'completed' | 'cancelled' } | { status: 'failed'; error: RunError };

/** Ends a run: its answer, the terminal event and the session's state in one transaction. */
@Injectable()
export class RunEnding {
  private readonly logger = new Logger('Runs');

  constructor(
    private readonly journal: RunJournal,
    private readonly display: RunDisplay,
    private readonly steps: RunStepsRepository,
    private readonly messages: MessagesRepository,
    private readonly answers: ToldAnswers,
    private readonly edits: MessageEditsRepository,
    private readonly sessions: SessionsRepository,
    private readonly line: RunLine,
    private readonly events: Events,
    private readonly parents: ParentNews,
    private readonly metrics: RunMetrics,
    private readonly hooks: TellingHooks,
  ) {}

  /** `last`: the blocks of the final model call, if it is not yet among the turns. */
  async complete(hold: RunHold, state: RunState, last: StoredBlock[]): Promise<void> {
    this.display.start(hold, keptText(state));
    await this.end(hold, state, { status: 'completed' }, [...keptBlocks(state), ...last]);
  }

  /** What was said until then stays, as far as readers saw it. */
  async cancel(hold: RunHold, state: RunState): Promise<void> {
    // A call the model was still asking for, or that was not stored, was never made.
    const blocks = [...keptBlocks(state), ...hold.partial.filter((block) => block.type !== 'tool_use')];
    const said = textOf(blocks) !== '' || state.calls.length > 0;
    if (said) this.display.start(hold, keptText(state));
    else this.display.discard(hold, 'The run was cancelled');
    await this.end(hold, state, { status: 'cancelled' }, said ? blocks : null);
  }

  /** Finished steps stay in the history, since their tools had their effects; a half answer does not. */
  async fail(hold: RunHold, state: RunState, error: RunError): Promise<void> {
    const kept = keptBlocks(state);
    if (textOf(hold.partial) !== '' || kept.length === 0) this.display.discard(hold, error.message);
    if (kept.length > 0) this.display.start(hold, keptText(state));
    await this.end(hold, state, { status: 'failed', error }, kept.length > 0 ? kept : null);
  }

  private async end(hold: RunHold, state: RunState, ending: Ending, blocks: StoredBlock[] | null): Promise<void> {
    const { run } = hold;
    const messageId = blocks ? (run.openMessageId ?? v7()) : null;
    const error = ending.status === 'failed' ? { ...ending.error, message: storableText(ending.error.message) } : null;
    const isFirst = blocks !== null && ending.status === 'completed' && state.isUntitled;
    const title = isFirst ? titleOf(state, textOf(blocks)) : null;
    let answer: ReturnType<typeof answerOf> | null = null;
    let session: SessionEntity | undefined;
    const told = ending.status === 'completed' ? await this.hooks.ofCompletedRuns() : [];
    await this.journal.write(hold, {
      end: { status: ending.status, error },
      // Whoever answers a call locks the session first, so that this is all that was answered.
      events: async () => {
        const answered = await this.answers.atEnd(hold, state);
        answer = blocks && messageId ? answerOf(run, messageId, blocks, state.calls) : null;
        return [
          ...answered,
          ...(answer ? [{ type: 'message.completed', data: { message: shownMessage(answer) } } as const] : []),
          { type: `run.${ending.status}`, data: (row) => ({ run: shownRun(row), ...(error ? { error } : {}) }) },
        ];
      },
      // A statement of its own: what settles the session has to see what those did who were waited for.
      before: () => this.sessions.lock(run.sessionId),
      work: (row) => {
        const restored = answer || run.trigger !== 'regenerate' ? null : this.edits.restore(run.sessionId, run.id);
        const settled = this.sessions.settleRun(run.sessionId, row, answer ? 1 : 0, title);
        return Promise.all([
          restored,
          settled.then((now) => this.line.moveOn(row, (session = now), answer !== null)),
          answer && this.messages.append(answer),
          hasSteps(state) && this.steps.close(run.id),
          this.publish(hold, ending),
          this.hooks.runCompleted(told, run),
        ]);
      },
      session: () => session,
    } satisfies JournalEntry);
    this.metrics.end(ending.status);
    const { id: runId, sessionId } = run;
    const code = ending.status === 'failed' ? { code: ending.error.code } : {};
    this.logger.log({ runId, sessionId, status: ending.status, ...code, activeMs: hold.activeMs }, 'run ended');
  }

  private async publish(hold: RunHold, ending: Ending): Promise<void> {
    const { id: resourceId, sessionId } = hold.run;
    const resource = { resourceType: 'run', resourceId };
    await this.parents.tell(hold.run, 'ended');
    if (ending.status === 'failed') {
      await this.events.publish('run.failed', { ...resource, payload: { sessionId, code: ending.error.code } });
    } else {
      await this.events.publish(`run.${ending.status}`, { ...resource, payload: { sessionId } });
    }
  }
}
