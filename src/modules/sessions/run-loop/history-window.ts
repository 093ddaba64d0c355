import type { ModelMessage } from '../../models/model-client.js';
import { estimateTokens } from '../../models/token-estimate.js';
import { forModel } from '../../tools/tool-output.js';
import type { ToolDefinition } from '../../tools/tool.js';
import type { StoredBlock } from '../messages/message.js';
import type { HistoryMessage } from '../messages/messages.repository.js';

const ofTools = new WeakMap<ToolDefinition, number>();

/** Definitions do not change, and all of them go out with each model call. */
export function estimateTools(tools: readonly ToolDefinition[]): number {
  return sum(tools, (tool) => {
    const known = ofTools.get(tool) ?? estimateTokens(JSON.stringify(tool));
    ofTools.set(tool, known);
    return known;
  });
}

/** What surrounds the text of a block or of a message when it is sent. */
const AROUND_TOKENS = 10;

function estimateMessage({ content }: ModelMessage): number {
  return AROUND_TOKENS + sum<SizedBlock>(content, estimateBlock);
}

/** What a model is shown of a message. */
export function tokensOf({ blocks, toolCalls, files }: HistoryMessage): number {
  const results = sum(toolCalls, (call) => AROUND_TOKENS + estimateTokens(forModel(call) ?? ''));
  const ofFiles = sum([...(files?.values() ?? [])], ({ tokens }) => tokens);
  return AROUND_TOKENS + sum(blocks, estimateBlock) + results + ofFiles;
}

type SizedBlock = StoredBlock | ModelMessage['content'][number];

/** Long texts are not written out for it, since all of a history is looked at; files count as what they take of the prompt. */
function estimateBlock(block: SizedBlock): number {
  switch (block.type) {
    case 'text':
      return AROUND_TOKENS + estimateTokens(block.text);
    case 'thinking':
      return AROUND_TOKENS + estimateTokens(block.text) + estimateTokens(block.signature);
    case 'passages':
      return AROUND_TOKENS + estimateTokens(JSON.stringify(block.passages));
    case 'tool_result':
      return AROUND_TOKENS + estimateTokens(block.content);
    case 'image':
    case 'document':
      return AROUND_TOKENS + estimateTokens(block.name) + ('tokens' in block ? block.tokens : 0);
    case 'redacted_thinking':
    case 'tool_use':
      return estimateTokens(JSON.stringify(block));
  }
}

export function sizeOf(history: readonly HistoryMessage[]): number {
  return sum(history, tokensOf);
}

/**
 * The history from the newest exchange on back, as much as fits into `tokens`, after the summary it may begin with. An
 * exchange begins with what a user wrote; the newest is always kept.
 */
export function newestHistory(history: readonly HistoryMessage[], tokens: number): HistoryMessage[] {
  const summary = history.filter(isSummary);
  const said = history.slice(summary.length);
  const { from } = fittingFrom(said, isSaidByUser, tokensOf, tokens - sizeOf(summary));
  return [...summary, ...said.slice(from)];
}

/**
 * The newest messages that fit into `tokens`, and what those take, beginning with a user's own text, so that no tool
 * result stands without its call. The last message that a user wrote is always kept, with all that follows it.
 */
export function newestThatFit(
  messages: readonly ModelMessage[],
  tokens: number,
): { messages: ModelMessage[]; tokens: number } {
  const { from, used } = fittingFrom(messages, beginsExchange, estimateMessage, tokens);
  return { messages: messages.slice(from), tokens: used };
}

export function isSummary({ role }: Pick<HistoryMessage, 'role'>): boolean {
  return role === 'system';
}

function isSaidByUser({ role }: HistoryMessage): boolean {
  return role === 'user';
}

function fittingFrom<T>(
  items: readonly T[],
  begins: (item: T) => boolean,
  size: (item: T) => number,
  room: number,
): { from: number; used: number } {
  const starts = items.flatMap((item, index) => (begins(item) ? [index] : []));
  let from = starts.at(-1) ?? 0;
  let used = sum(items.slice(from), size);
  for (const start of starts.slice(0, -1).reverse()) {
    const more = sum(items.slice(start, from), size);
    if (used + more > room) break;
    used += more;
    from = start;
  }
  return { from, used };
}

function sum<T>(items: readonly T[], size: (item: T) => number): number {
  return items.reduce((total, item) => total + size(item), 0);
}

function beginsExchange(message: ModelMessage): boolean {
  if (message.role !== 'user' || message.isFollowUp) return false;
  return message.content.every((block) => block.type !== 'tool_result');
}
