import { Injectable } from '@nestjs/common';
import { ModelCatalog, type CatalogModel } from '../../models/model-catalog.service.js';
import type { ModelUsage } from '../../models/model-client.js';
import { failureKind } from '../../models/model-errors.js';
import { ModelsService, type ModelCall } from '../../models/models.service.js';
import { estimateTokens } from '../../models/token-estimate.js';
import { KNOWLEDGE_TOOL } from '../../tools/tool-passages.js';
import type { ToolDefinition } from '../../tools/tool.js';
import { WireNames } from '../../tools/tool-wire-names.js';
import type { RunError, WholeRun } from '../runs/run.js';
import { SessionsRepository } from '../sessions.repository.js';
import { addUsage, usageOf } from '../usage.js';
import { Delegation } from '../agent-tasks/delegation.service.js';
import { PromptFiles } from '../files/prompt-files.service.js';
import { FinalAnswer } from './final-answer.js';
import { HistoryCompaction } from './history-compaction.js';
import { estimateTools, newestThatFit } from './history-window.js';
import { ModelTurn, type TurnResult } from './model-turn.js';
import { PresentRules } from './present-rules.js';
import { conversation } from './prompt.js';
import { RunDisplay } from './run-display.js';
import { RunEnding } from './run-ending.js';
import type { RunHold } from './run-hold.js';
import { RunJournal } from './run-journal.js';
import { exceededLimit, limitError, LimitReached, outputBudget, tokensLeft, type OutputBudget } from './run-limits.js';
import { RunPark } from './run-park.js';
import { keptText, openCalls, spentOf, type RunState } from './run-state.js';
import { newToolCall, RunStepsRepository } from './run-steps.repository.js';
import { RunTools } from './run-tools.js';
import { systemPrompt } from './system-prompt.js';
import { ToldAnswers } from './told-answers.js';
import { ToolRound } from './tool-round.js';

interface Request {
  call: Omit<ModelCall, 'onUnfinished'>;
  budget: OutputBudget;
  /** What the conversation takes of the prompt. */
  tokens: number;
}

/** Of what a run may use in tokens, the history gets at most this, since each of its model calls reads it. */
const HISTORY_SHARE = 0.5;

/** What is sent of a conversation that a provider found too long: some of it, then its newest exchange alone. */
const SHARES_OF_TOO_LONG = [0.6, 0];

/** The one loop of every run: model, tools, model, until it is done; each step is stored before the next. */
@Injectable()
export class RunLoop {
  constructor(
    private readonly models: ModelsService,
    private readonly compaction: HistoryCompaction,
    private readonly catalog: ModelCatalog,
    private readonly rules: PresentRules,
    private readonly offers: RunTools,
    private readonly tools: ToolRound,
    private readonly journal: RunJournal,
    private readonly steps: RunStepsRepository,
    private readonly display: RunDisplay,
    private readonly answer: FinalAnswer,
    private readonly answers: ToldAnswers,
    private readonly ending: RunEnding,
    private readonly parking: RunPark,
    private readonly delegation: Delegation,
    private readonly files: PromptFiles,
    private readonly sessions: SessionsRepository,
  ) {}

  /** Goes on from where `state` stands until the run has ended or waits. @throws Interruption, LimitReached, DomainError */
  async drive(hold: RunHold, state: RunState): Promise<void> {
    if (hold.run.attempts > 1) hold.run.pinned = await this.rules.with(hold.run);
    const { tools, unavailable } = await this.offers.of(hold.run.pinned);
    Object.assign(state, { unavailable, hasKnowledge: tools.has(KNOWLEDGE_TOOL) });
    const offered = [...tools.values()].map(({ definition }) => definition);
    const names = new WireNames([...tools.keys()]);
    await this.answers.tell(hold, state);
    await this.countBelow(hold, state);
    await this.fitHistory(hold, state, offered);
    for (let resumed = true; ; resumed = false) {
      hold.signal.throwIfAborted();
      const open = openCalls(state);
      if (open.length > 0) {
        await this.tools.run(hold, state, tools, resumed);
        const waits = state.calls.some(({ status }) => status === 'waiting');
        if (waits && (await this.parking.untilAnswered(hold, state))) return;
        await this.countBelow(hold, state);
        continue;
      }
      if (hold.isPausing && (await this.parking.park(hold))) return;
      hold.signal.throwIfAborted();
      const exceeded = exceededLimit(hold.run.pinned.limits, state.turns.length, spentOf(hold.run, state));
      if (exceeded) return this.ending.fail(hold, state, exceeded);
      // The first model call of a hold goes by what was just read.
      if (!resumed) state.context = await this.sessions.contextOfRun(hold.run.id);
      state.files = await this.files.ofCalls(state.calls, state.files);
      const request = this.request(hold, state, offered, names);
      if (request.budget.tokens < 1) return this.ending.fail(hold, state, budgetError(request.budget));
      const result = await this.callModel(hold, state, request.call, names);
      const isTooLong = result.stopReason === 'context_exceeded';
      if (isTooLong && (await this.shorten(hold, state, offered, request))) continue;
      const error = stopError(result, request.budget);
      if (error) return this.ending.fail(hold, state, error);
      if (goesOn(result)) {
        await this.keepTurn(hold, state, result, null);
        continue;
      }
      const faults = await this.answer.give(hold, state, result);
      if (!faults) return;
      await this.keepTurn(hold, state, result, faults);
    }
  }

  /** What agents took that the run has asked: it is within the run's own limits. */
  private async countBelow(hold: RunHold, state: RunState): Promise<void> {
    state.delegated = await this.delegation.spentBy(hold, state);
    hold.countElsewhere(state.delegated.activeMs);
  }

  /** Once per hold, if it fits: what the model is shown of the history is the same each turn, and so in the cache. */
  private async fitHistory(hold: RunHold, state: RunState, offered: ToolDefinition[]): Promise<void> {
    const { run } = hold;
    const model = this.catalog.require(run.model, 'model');
    const left = tokensLeft(run.pinned.limits, spentOf(run, state), model);
    const room = Math.min(
      roomFor(model, estimateTokens(JSON.stringify(systemOf(run, state))) + estimateTools(offered)),
      left * HISTORY_SHARE,
      roomOnceRefused(state),
    );
    const onUsage = (usage: ModelUsage, next: string | null): void => this.used(hold, usage, next);
    const hasSummarised = await this.compaction.fit(hold, state, { model, room, onUsage });
    // It may have changed meanwhile.
    if (hasSummarised) state.context = await this.sessions.contextOfRun(run.id);
  }

  /** Has less of the history sent than was refused; what was shown of an answer is void. False where there is no less. */
  private async shorten(hold: RunHold, state: RunState, offered: ToolDefinition[], sent: Request): Promise<boolean> {
    if (state.tooLong.length === SHARES_OF_TOO_LONG.length) return false;
    state.tooLong.push(sent.tokens);
    if (newestThatFit(sent.call.messages, roomOnceRefused(state)).tokens === sent.tokens) return false;
    if (hold.partial.length > 0)
      this.display.discard(hold, 'The conversation is too long for the model and is shortened');
    hold.partial = [];
    await this.fitHistory(hold, state, offered);
    return true;
  }

  private request(hold: RunHold, state: RunState, offered: ToolDefinition[], names: WireNames): Request {
    const { run } = hold;
    const model = this.catalog.require(run.model, 'model');
    const system = systemOf(run, state);
    const tools = offered.map((tool) => ({
      name: names.toWire(tool.name),
      description: tool.description,
      inputSchema: tool.inputSchema,
    }));
    const fixed = estimateTokens(JSON.stringify([system, state.context])) + estimateTools(offered);
    const said = conversation(state, run.model, names);
    const { messages, tokens } = newestThatFit(said, Math.min(roomFor(model, fixed), roomOnceRefused(state)));
    const budget = outputBudget(run.pinned.limits, spentOf(run, state), fixed + tokens, model);
    const { fallbackModels, temperature, outputSchema } = run.pinned;
    return {
      call: {
        model: run.model,
        fallbackModels,
        system,
        messages,
        state: hasState(state) ? JSON.stringify(state.context) : null,
        tools,
        maxOutputTokens: budget.tokens,
        temperature,
        outputSchema,
        signal: hold.signal,
      },
      budget,
      tokens,
    };
  }

  private async callModel(
    hold: RunHold,
    state: RunState,
    call: Omit<ModelCall, 'onUnfinished'>,
    names: WireNames,
  ): Promise<TurnResult> {
    const turn = new ModelTurn(hold, {
      turn: state.turns.length,
      kept: keptText(state),
      goesOn: state.turns.at(-1)?.stopReason === 'pause_turn',
      callIds: new Set(state.calls.map((toolCall) => toolCall.toolUseId)),
      names,
      isHeld: state.isStructured,
      display: this.display,
      onUsage: (usage, model) => {
        this.used(hold, usage, model);
        if (model === null) return;
        // Attempts that broke off have to be paid too.
        const exceeded = exceededLimit(hold.run.pinned.limits, state.turns.length, spentOf(hold.run, state));
        if (exceeded) throw new LimitReached(exceeded);
      },
    });
    try {
      const stream = this.models.stream({ ...call, onUnfinished: (usage) => this.used(hold, usage, null) });
      return await turn.consume(stream);
    } catch (error) {
      if (failureKind(error) === 'too_long') return { blocks: [], stopReason: 'context_exceeded' };
      throw error;
    }
  }

  /** What an attempt took, at the price of the model that made it; then `next` goes on. */
  private used(hold: RunHold, usage: ModelUsage, next: string | null): void {
    const { estimated, ...total } = addUsage(usageOf(hold.run), usage, this.catalog.costMicros(hold.run.model, usage));
    Object.assign(hold.run, total, { usageEstimated: estimated });
    if (next !== null) hold.run.model = next;
  }

  private async keepTurn(
    hold: RunHold,
    state: RunState,
    { blocks, stopReason }: TurnResult,
    faults: string[] | null,
  ): Promise<void> {
    this.display.start(hold, keptText(state));
    const turn = { turn: state.turns.length, model: hold.run.model, blocks, stopReason, faults };
    const calls = blocks
      .filter((block) => block.type === 'tool_use')
      .map((block, position) => newToolCall(turn.turn, position, block));
    await this.journal.write(hold, {
      events: [
        ...calls.map(({ toolUseId, name, input }) => ({
          type: 'tool.call' as const,
          data: { toolUseId, name, input },
        })),
        { type: 'usage.updated', data: { usage: usageOf(hold.run) } },
      ],
      work: () => this.steps.addTurn(hold.run.id, turn, calls),
      inOneGo: true,
    });
    state.turns.push(turn);
    state.calls.push(...calls);
    hold.partial = [];
  }
}

function systemOf({ pinned }: WholeRun, state: RunState): string[] {
  const { hasKnowledge, unavailable } = state;
  return systemPrompt(pinned, { hasState: hasState(state), hasKnowledge, unavailable });
}

function hasState({ context }: RunState): boolean {
  return Object.keys(context).length > 0;
}

/** Tokens that a conversation may take in the model's window beside what is always sent and what it may answer. */
function roomFor(model: CatalogModel, fixedTokens: number): number {
  return model.contextWindow - fixedTokens - Math.min(model.maxOutputTokens, model.contextWindow / 4);
}

function roomOnceRefused({ tooLong }: RunState): number {
  return (tooLong.at(-1) ?? Infinity) * (SHARES_OF_TOO_LONG[tooLong.length - 1] ?? 1);
}

function goesOn({ blocks, stopReason }: TurnResult): boolean {
  if (blocks.some((block) => block.type === 'tool_use')) return true;
  // Asked again with nothing more than before, it would pause again.
  return stopReason === 'pause_turn' && blocks.length > 0;
}

function stopError({ stopReason, blocks }: TurnResult, budget: OutputBudget): RunError | null {
  if (stopReason === 'refusal') return limitError('model_refused', 'The model declined to answer');
  if (stopReason === 'context_exceeded') {
    return limitError('context_window_exceeded', "The conversation is longer than the model's context window");
  }
  const cut = stopReason === 'max_tokens' && !blocks.some((block) => block.type === 'tool_use');
  return cut && budget.limitedBy ? budgetError(budget) : null;
}

function budgetError({ limitedBy }: OutputBudget): RunError {
  const what = limitedBy === 'max_cost_exceeded' ? 'cost' : 'tokens';
  return limitError(
    limitedBy ?? 'max_tokens_exceeded',
    `What the run may use in ${what} does not suffice for an answer`,
  );
}
