import type { AssistantBlock, ModelMessage, UserBlock } from '../../models/model-client.js';
import { forModel } from '../../tools/tool-output.js';
import { passagesOf } from '../../tools/tool-passages.js';
import type { WireNames } from '../../tools/tool-wire-names.js';
import { textOf, type MessageToolCall, type StoredBlock, type StoredFileBlock } from '../messages/message.js';
import { outputUrlOf } from '../executions/execution.js';
import type { HistoryMessage } from '../messages/messages.repository.js';
import { isSummary } from './history-window.js';
import type { RunState } from './run-state.js';
import type { RunToolCall } from './run-steps.repository.js';

type Call = Pick<MessageToolCall, 'id' | 'name' | 'output' | 'truncated' | 'outputUrl' | 'isError'> & {
  files?: StoredFileBlock[] | null;
};

/** The conversation as the model is given it: history, then the steps of this run. */
export function conversation(
  { history, turns, calls, files }: Pick<RunState, 'history' | 'turns' | 'calls' | 'files'>,
  model: string,
  names: WireNames,
): ModelMessage[] {
  const past = history.flatMap((message) => fromHistory(message, model, names));
  const present = turns.flatMap((turn) => [
    ...assistantTurn(turn.blocks, turn.model === model, calls.filter((call) => call.turn === turn.turn).map(asKept), {
      names,
      files,
    }),
    ...(turn.faults ? [askedToMend(turn.faults)] : []),
  ]);
  return [...past, ...present];
}

/** As the run's message will keep it. */
function asKept(call: RunToolCall): Call {
  return { ...call, id: call.toolUseId, ...(call.truncated && { outputUrl: outputUrlOf(call.id) }) };
}

function askedToMend(faults: readonly string[]): ModelMessage {
  const text = [
    'Your answer does not fit the output schema:',
    ...faults.map((fault) => `- ${fault}`),
    'Give it again, as one JSON value that is valid by the schema and nothing else.',
  ].join('\n');
  return { role: 'user', content: [{ type: 'text', text }], isFollowUp: true };
}

function fromHistory(message: HistoryMessage, model: string, names: WireNames): ModelMessage[] {
  if (isSummary(message)) return [{ role: 'user', content: [{ type: 'text', text: summaryText(message.blocks) }] }];
  if (message.role === 'user') {
    const content = message.blocks.flatMap((block) => toUserBlock(block, message.files));
    return content.length > 0 ? [{ role: 'user', content }] : [];
  }
  const turns = Map.groupBy(message.blocks, (block) => block.turn ?? 0);
  return [...turns].flatMap(([turn, blocks]) =>
    assistantTurn(
      blocks,
      message.model === model,
      message.toolCalls.filter((call) => call.turn === turn),
      { names, files: message.files },
    ),
  );
}

function summaryText(blocks: readonly StoredBlock[]): string {
  return `[What was said before, summarised]\n${textOf(blocks)}\n[The conversation goes on]`;
}

function toUserBlock(block: StoredBlock, files: HistoryMessage['files']): UserBlock[] {
  switch (block.type) {
    case 'text':
      return [{ type: 'text', text: block.text }];
    case 'image':
    case 'document':
      return [files?.get(block.fileId) ?? { type: 'text', text: `[The file ${block.name}]` }];
    case 'thinking':
    case 'redacted_thinking':
    case 'tool_use':
      return [];
  }
}

/** One model call and the results of the tools it asked for: every `tool_use` gets a result, as providers demand. */
function assistantTurn(
  blocks: readonly StoredBlock[],
  sameModel: boolean,
  calls: readonly Call[],
  { names, files }: { names: WireNames; files: HistoryMessage['files'] },
): ModelMessage[] {
  const content = blocks.flatMap((block) => toAssistantBlock(block, sameModel, names));
  if (content.length === 0) return [];
  const asked = blocks.filter((block) => block.type === 'tool_use');
  const results = asked.map((block) =>
    resultOf(
      block.id,
      calls.find(({ id }) => id === block.id),
    ),
  );
  const turn: ModelMessage = { role: 'assistant', content };
  if (results.length === 0) return [turn];
  // Behind all results, as providers demand; what is of which call is told.
  const given = asked.flatMap((block) => filesOf(block, calls.find(({ id }) => id === block.id)?.files ?? [], files));
  return [turn, { role: 'user', content: [...results, ...given] }];
}

function resultOf(toolUseId: string, call: Call | undefined): UserBlock {
  const passages = call && passagesOf(call);
  return {
    type: 'tool_result',
    toolUseId,
    content: (call && forModel(call)) ?? 'The call was cancelled before it gave a result.',
    isError: call?.isError ?? true,
    ...(passages && { passages }),
  };
}

function filesOf(
  { id, name }: { id: string; name: string },
  given: readonly StoredFileBlock[],
  files: HistoryMessage['files'],
): UserBlock[] {
  if (given.length === 0) return [];
  const text = `[What the call ${id} of ${name} gave]`;
  return [{ type: 'text', text }, ...given.flatMap((block) => toUserBlock(block, files))];
}

/** Thinking is signed for the model that thought it; another model would refuse it. */
function toAssistantBlock(block: StoredBlock, sameModel: boolean, names: WireNames): AssistantBlock[] {
  switch (block.type) {
    case 'image':
    case 'document':
      return [];
    case 'text':
      return block.text.trim() === '' ? [] : [{ type: 'text', text: block.text }];
    case 'thinking':
      return sameModel && block.signature !== ''
        ? [{ type: 'thinking', text: block.text, signature: block.signature }]
        : [];
    case 'redacted_thinking':
      return sameModel ? [{ type: 'redacted_thinking', data: block.data }] : [];
    case 'tool_use':
      return [{ type: 'tool_use', id: block.id, name: names.toWire(block.name), input: block.input }];
  }
}
