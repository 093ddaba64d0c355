import type { ModelMessage } from '../../models/model-client.js';
import type { HistoryMessage } from '../messages/messages.repository.js';

/** Characters per token, taken low so that the estimate errs to the full side. */
export const CHARACTERS_PER_TOKEN = 3.2;

export function estimateTokens(value: unknown): number {
  return Math.ceil(JSON.stringify(value).length / CHARACTERS_PER_TOKEN);
}

/** Files count as what they take of the prompt, not by their bytes. */
export function estimateMessages(messages: readonly ModelMessage[]): number {
  return sum(messages, estimateMessage);
}

function estimateMessage(message: ModelMessage): number {
  let tokens = estimateTokens(message);
  for (const block of message.content) if ('tokens' in block) tokens += block.tokens;
  return tokens;
}

/** What a model is shown of a message; of plain text without writing it out, since all of a history is looked at. */
export function tokensOf({ blocks, toolCalls, files }: HistoryMessage): number {
  let characters = 0;
  for (const block of blocks) characters += 'text' in block ? block.text.length + 30 : JSON.stringify(block).length;
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
  const from = fittingFrom(said, isSaidByUser, tokensOf, tokens - sizeOf(summary));
  return [...summary, ...said.slice(from)];
}

/**
 * The newest messages that fit into `tokens`, beginning with a user's own text, so that no tool result stands without
 * its call. The last message that a user wrote is always kept, with all that follows it.
 */
export function newestThatFit(messages: readonly ModelMessage[], tokens: number): ModelMessage[] {
  return messages.slice(fittingFrom(messages, beginsExchange, estimateMessage, tokens));
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
): number {
  const starts = items.flatMap((item, index) => (begins(item) ? [index] : []));
  let from = starts.at(-1) ?? 0;
  let used = sum(items.slice(from), size);
  for (const start of starts.slice(0, -1).reverse()) {
    used += sum(items.slice(start, from), size);
    if (used > room) break;
    from = start;
  }
  return from;
}

function sum<T>(items: readonly T[], size: (item: T) => number): number {
  return items.reduce((total, item) => total + size(item), 0);
}

function beginsExchange(message: ModelMessage): boolean {
  if (message.role !== 'user' || message.isFollowUp) return false;
  return message.content.every((block) => block.type !== 'tool_result');
}
