import type { ModelMessage } from '../../models/model-client.js';
import type { ToolDefinition } from '../../tools/tool.js';
import type { HistoryMessage } from '../messages/messages.repository.js';

/** Characters per token, taken low so that the estimate errs to the full side. */
export const CHARACTERS_PER_TOKEN = 3.2;

export function estimateTokens(value: unknown): number {
  return Math.ceil(JSON.stringify(value).length / CHARACTERS_PER_TOKEN);
}

const ofTools = new WeakMap<ToolDefinition, number>();

/** Definitions do not change, and all of them go out with each model call. */
export function estimateTools(tools: readonly ToolDefinition[]): number {
  return sum(tools, (tool) => {
    const known = ofTools.get(tool) ?? estimateTokens(tool);
    ofTools.set(tool, known);
    return known;
  });
}

/** What surrounds the text of a block or of a message when it is sent. */
const BLOCK_CHARACTERS = 30;

/** Text is not written out for it, since all of a history is looked at; files count as what they take of the prompt. */
function estimateMessage({ content }: ModelMessage): number {
  let characters = BLOCK_CHARACTERS;
  let ofFiles = 0;
  for (const block of content) {
    characters += block.type === 'text' ? block.text.length + BLOCK_CHARACTERS : JSON.stringify(block).length;
    if ('tokens' in block) ofFiles += block.tokens;
  }
  return Math.ceil(characters / CHARACTERS_PER_TOKEN) + ofFiles;
}

/** What a model is shown of a message. */
export function tokensOf({ blocks, toolCalls, files }: HistoryMessage): number {
  let characters = 0;
  for (const block of blocks)
    characters += 'text' in block ? block.text.length + BLOCK_CHARACTERS : JSON.stringify(block).length;
  for (const { output } of toolCalls) characters += output?.length ?? 0;
  let ofFiles = 0;
  for (const { tokens } of files?.values() ?? []) ofFiles += tokens;
  return Math.ceil(characters / CHARACTERS_PER_TOKEN) + ofFiles;
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
