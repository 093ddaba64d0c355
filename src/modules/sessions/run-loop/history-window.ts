import type { ModelMessage } from '../../models/model-client.js';

/** Characters per token, taken low so that the estimate errs to the full side. */
const CHARACTERS_PER_TOKEN = 3.2;

export function estimateTokens(value: unknown): number {
  return Math.ceil(JSON.stringify(value).length / CHARACTERS_PER_TOKEN);
}

/**
 * The newest messages that fit into `tokens`, beginning with a user's own text, so that no tool result stands without
 * its call. The last message that a user wrote is always kept, with all that follows it.
 */
export function newestThatFit(messages: readonly ModelMessage[], tokens: number): ModelMessage[] {
  const starts = messages.flatMap((message, index) => (beginsExchange(message) ? [index] : []));
  let from = starts.at(-1) ?? 0;
  let used = estimateTokens(messages.slice(from));
  for (const start of starts.slice(0, -1).reverse()) {
    used += estimateTokens(messages.slice(start, from));
    if (used > tokens) break;
    from = start;
  }
  return messages.slice(from);
}

function beginsExchange(message: ModelMessage): boolean {
  return message.role === 'user' && message.content.every((block) => block.type === 'text');
}
