import { citationsOf } from '../../models/citations.js';
import type { FileBlock } from '../../models/model-client.js';
import type { Offer } from '../../tools/tool-registry.service.js';
import type { Message, MessageToolCall, StoredBlock } from '../messages/message.js';
import { isFile, textOf } from '../messages/message.js';
import type { HistoryMessage } from '../messages/messages.repository.js';
import type { Run } from '../runs/run.js';
import { outputUrlOf } from '../executions/execution.js';
import { titleFrom } from '../session-title.js';
import type { UsageDto } from '../usage.dto.js';
import { usageOf } from '../usage.js';
import type { RunToolCall, RunTurn } from './run-steps.repository.js';
import { structuredBlocks } from './structured-blocks.js';

/** All that a run has to go on from. */
export interface RunState {
  history: HistoryMessage[];
  /** The application's state, shown to the model as data. */
  context: Record<string, unknown>;
  turns: RunTurn[];
  calls: RunToolCall[];
  /** Those that results of its calls consist of, by their ids. */
  files: ReadonlyMap<string, FileBlock>;
  /** What runs took that this one has asked for. */
  delegated: Spent;
  /** Servers whose tools it is to have and can not, at present. */
  unavailable: Offer['unavailable'];
  /** It may search documents. */
  hasKnowledge: boolean;
  /** Sizes, in tokens as we estimate them, of the conversations that a provider found too long. */
  tooLong: number[];
  /** Its session has no title. */
  isUntitled: boolean;
  /** The answer has a schema: of all that is said, only what fits it is shown and kept. */
  isStructured: boolean;
}

export function keptBlocks(state: RunState): StoredBlock[] {
  return state.isStructured ? structuredBlocks(state.turns) : state.turns.flatMap((turn) => turn.blocks);
}

export function keptText(state: RunState): string {
  return textOf(keptBlocks(state));
}

/** It has rows of its own beside the run's. */
export function hasSteps({ turns, calls }: RunState): boolean {
  return turns.length > 0 || calls.length > 0;
}

/** After what the user said first, of what the run has read; where that makes no title, after their files or the answer. */
export function titleOf({ history }: RunState, answer: string): string | null {
  const asked = history.filter(({ role }) => role === 'user').map(({ blocks }) => blocks);
  for (const blocks of asked) {
    const title = titleFrom(textOf(blocks));
    if (title !== null) return title;
  }
  const names = asked.flat().flatMap((block) => (isFile(block) ? block.name : []));
  return titleFrom(names[0] ?? '') ?? titleFrom(answer);
}

export interface Spent {
  tokens: number;
  costMicros: number;
  /** Of those side by side that of the longest. */
  activeMs: number;
}

/** What counts against the run's limits. */
export function spentOf(run: Run, { delegated }: RunState): UsageDto {
  const { inputTokens, costMicros, ...usage } = usageOf(run);
  return { ...usage, inputTokens: inputTokens + delegated.tokens, costMicros: costMicros + delegated.costMicros };
}

export function openCalls(state: RunState): RunToolCall[] {
  return state.calls.filter(isOpen);
}

export function isOpen({ status }: RunToolCall): boolean {
  return status === 'pending' || status === 'running' || status === 'waiting';
}

/** The assistant's message of a run: all its model calls in one. */
export function answerOf(
  run: Run,
  id: string,
  blocks: StoredBlock[],
  calls: readonly RunToolCall[],
): Omit<Message, 'position'> {
  const now = new Date();
  return {
    tenantId: run.tenantId,
    id,
    sessionId: run.sessionId,
    runId: run.id,
    role: 'assistant',
    content: textOf(blocks),
    blocks: blocks.map(withoutCitations),
    toolCalls: calls.map(shownCall),
    citations: citationsOf(blocks.filter((block) => block.type === 'text')),
    model: run.model,
    parentMessageId: run.messageId,
    usage: usageOf(run),
    feedback: null,
    metadata: {},
    summarizes: null,
    createdAt: now,
    updatedAt: now,
  };
}

/** The message has them in one place. */
function withoutCitations(block: StoredBlock): StoredBlock {
  if (block.type !== 'text' || !block.citations) return block;
  const { citations: _ofMessage, ...said } = block;
  return said;
}

function shownCall(call: RunToolCall): MessageToolCall {
  const { toolUseId: id, name, input, isError, output, truncated, files, durationMs, turn } = call;
  const status = isOpen(call) ? 'cancelled' : call.status;
  const rest = truncated ? { truncated, outputUrl: outputUrlOf(call.id) } : {};
  return { id, name, input, status, isError, output, ...rest, ...(files && { files }), durationMs, turn };
}
