import { Injectable, Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { DomainError } from '../../../contracts/errors.js';
import { storableText } from '../../../platform/database/storable.js';
import type { CatalogModel } from '../../models/model-catalog.service.js';
import type { ModelUsage } from '../../models/model-client.js';
import { ModelsService } from '../../models/models.service.js';
import { estimateTokens } from '../../models/token-estimate.js';
import { MessagesRepository, type HistoryMessage } from '../messages/messages.repository.js';
import { SessionsRepository } from '../sessions.repository.js';
import { usageOf } from '../usage.js';
import { isSummary, newestHistory, sizeOf } from './history-window.js';
import type { RunHold } from './run-hold.js';
import { RunJournal } from './run-journal.js';
import { outputBudget, tokensLeft } from './run-limits.js';
import type { RunState } from './run-state.js';
import { paragraphOf, SUMMARY_PROMPT } from './transcript.js';

/** A history that takes more of its room than this is shortened, */
const FULL = 0.8;
/** to this, so that it is not done again soon and the cached prefix holds for long. */
const SHORTENED = 0.4;
/** Summaries made in one run; what is left is left for the next. */
const MOST_ROUNDS = 4;
const SUMMARY_TOKENS = 2_000;
/** Of what the run may still use, for each round. */
const SHARE_OF_LIMITS = 0.3;
const SHARE_OF_WINDOW = 0.6;
/** Of a chunk a single message is at most so much, so that there is no message too long to be in one. */
const SHARE_OF_PARAGRAPH = 0.8;
const LONGEST_PARAGRAPH = 5_000;
/** Less than this is not worth a call. */
const LEAST_TOKENS = 1_000;

/** The beginning of a history, and how it is told to who summarises it. */
interface Chunk {
  messages: HistoryMessage[];
  text: string;
}

/** What an attempt took, and the model that goes on after it, if another does. */
export type OnUsage = (usage: ModelUsage, model: string | null) => void;

/** Has the oldest part of a long conversation summarised, once; the summary is a message of its own. */
@Injectable()
export class HistoryCompaction {
  private readonly logger = new Logger('Runs');

  constructor(
    private readonly models: ModelsService,
    private readonly journal: RunJournal,
    private readonly sessions: SessionsRepository,
    private readonly messages: MessagesRepository,
  ) {}

  /**
   * Brings the history into `room` tokens: summarised where that succeeds within the run's limits, else cut off.
   * `onUsage` is told what each summary cost. True when one was made, which takes its time. @throws Interruption
   */
  async fit(
    hold: RunHold,
    state: RunState,
    { model, room, onUsage }: { model: CatalogModel; room: number; onUsage: OnUsage },
  ): Promise<boolean> {
    let hasSummarised = false;
    for (let round = 0; round < MOST_ROUNDS && sizeOf(state.history) > room * FULL; round++) {
      const old = state.history.slice(0, -newestHistory(withoutSummary(state.history), room * SHORTENED).length);
      const chunk = this.chunk(hold, old, model);
      if (chunk.messages.every(isSummary) || sizeOf(chunk.messages) < LEAST_TOKENS) break;
      const summary = await this.summarise(hold, chunk, model, onUsage);
      if (summary === null) break;
      const message = await this.store(hold, summary, chunk.messages);
      state.history = [message, ...state.history.slice(chunk.messages.length)];
      hasSummarised = true;
    }
    state.history = newestHistory(state.history, room);
    return hasSummarised;
  }

  /** As much of the beginning as one call can take in its words, in whole exchanges where that is possible. */
  private chunk(hold: RunHold, old: readonly HistoryMessage[], model: CatalogModel): Chunk {
    const left = tokensLeft(hold.run.pinned.limits, usageOf(hold.run), model) * SHARE_OF_LIMITS;
    const room = Math.min(model.contextWindow * SHARE_OF_WINDOW, left);
    const longest = Math.min(LONGEST_PARAGRAPH, room * SHARE_OF_PARAGRAPH);
    const paragraphs: string[] = [];
    let used = 0;
    let [whole, end] = [0, 0];
    for (const [index, message] of old.entries()) {
      const paragraph = paragraphOf(message, longest);
      used += estimateTokens(paragraph);
      if (used > room) break;
      paragraphs.push(paragraph);
      end = index + 1;
      if (end === old.length || old[end]?.role === 'user') whole = end;
    }
    const count = whole > 1 ? whole : end;
    return { messages: old.slice(0, count), text: paragraphs.slice(0, count).join('\n\n') };
  }

  /** Null when the model did not write one. */
  private async summarise(
    hold: RunHold,
    { text }: Chunk,
    model: CatalogModel,
    onUsage: OnUsage,
  ): Promise<string | null> {
    const { tokens } = outputBudget(hold.run.pinned.limits, usageOf(hold.run), estimateTokens(text), model);
    const call = {
      ...{ model: hold.run.model, fallbackModels: hold.run.pinned.fallbackModels, system: [SUMMARY_PROMPT] },
      ...{ messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text }] }], tools: [] },
      ...{
        maxOutputTokens: Math.min(tokens, SUMMARY_TOKENS),
        temperature: null,
        signal: hold.signal,
      },
      ...{ purpose: 'summary' as const, onUnfinished: (usage: ModelUsage) => onUsage(usage, null) },
    };
    let summary = '';
    try {
      for await (const event of this.models.stream(call)) {
        if (event.type === 'text') summary += event.text;
        if (event.type === 'restart') {
          summary = '';
          onUsage(event.usage, event.model);
        }
        if (event.type === 'done') onUsage(event.usage, null);
      }
    } catch (error) {
      hold.signal.throwIfAborted();
      if (!(error instanceof DomainError)) throw error;
      this.logger.warn({ runId: hold.run.id, err: error }, 'A long conversation could not be summarised and is cut');
      return null;
    }
    return storableText(summary).trim() || null;
  }

  private async store(hold: RunHold, text: string, chunk: readonly HistoryMessage[]): Promise<HistoryMessage> {
    const { sessionId, id: runId, model } = hold.run;
    const last = chunk.at(-1);
    if (!last) throw new Error('A summary must be of something');
    const summarizes = chunk.reduce((total, message) => total + (message.summarizes ?? 1), 0);
    const blocks = [{ type: 'text' as const, text }];
    const message = {
      ...{ id: v7(), sessionId, runId, role: 'system' as const, content: text, blocks, toolCalls: [], citations: [] },
      ...{ model, parentMessageId: null, usage: null, feedback: null, metadata: {}, createdAt: new Date() },
    };
    await this.journal.write(hold, {
      events: [{ type: 'usage.updated', data: { usage: usageOf(hold.run) } }],
      before: () => this.sessions.lock(sessionId),
      work: () =>
        Promise.all([
          this.sessions.makeRoom(sessionId),
          this.messages.append({ ...message, summarizes }, last.position),
        ]),
    });
    return { position: last.position, role: 'system', blocks, toolCalls: [], model, summarizes };
  }
}

function withoutSummary(history: readonly HistoryMessage[]): HistoryMessage[] {
  return history.filter((message) => !isSummary(message));
}
