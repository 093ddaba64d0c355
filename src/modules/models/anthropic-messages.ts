import type Anthropic from '@anthropic-ai/sdk';
import type { FileParams } from './anthropic-files.js';
import { searchResults } from './anthropic-passages.js';
import type { AssistantBlock, ModelMessage, UserBlock } from './model-client.js';

/** One turn as it is sent. */
export interface TurnParam {
  role: 'user' | 'assistant';
  content: Anthropic.ContentBlockParam[];
}

/**
 * The conversation as the Messages API takes it: turns of one role in a row joined, tool results first in theirs, no
 * text without a visible character, thinking exactly as it was received.
 */
export function toMessageParams(messages: ModelMessage[], files: FileParams): TurnParam[] {
  const params: TurnParam[] = [];
  for (const message of messages) {
    const content =
      message.role === 'user'
        ? userBlocks(message.content, files)
        : message.content.map(assistantBlock).filter((block) => block !== undefined);
    if (content.length === 0) continue;
    const last = params.at(-1);
    if (last?.role === message.role) last.content.push(...content);
    else params.push({ role: message.role, content });
  }
  for (const param of params) if (param.role === 'user') param.content = resultsFirst(param.content);
  trimEnd(params.at(-1));
  return params;
}

function userBlocks(blocks: UserBlock[], files: FileParams): Anthropic.ContentBlockParam[] {
  const params = blocks.flatMap((block) => userBlock(block, files) ?? []);
  // A turn cannot be left out, or the answers around it would become one.
  return params.length > 0 ? params : [{ type: 'text', text: '(no text)' }];
}

function userBlock(
  block: UserBlock,
  files: FileParams,
): Anthropic.ContentBlockParam | Anthropic.ContentBlockParam[] | undefined {
  if (block.type === 'text') return textBlock(block.text);
  if (block.type === 'passages') return searchResults(block.passages);
  if (block.type !== 'tool_result') return files.get(block);
  const cited = searchResults(block.passages ?? []);
  const plain = block.content.trim() === '' ? {} : { content: block.content };
  return {
    type: 'tool_result',
    tool_use_id: block.toolUseId,
    ...(cited.length > 0 ? { content: cited } : plain),
    is_error: block.isError,
  };
}

function assistantBlock(block: AssistantBlock): Anthropic.ContentBlockParam | undefined {
  switch (block.type) {
    case 'text':
      return textBlock(block.text);
    case 'thinking':
      // Its text may be empty, its signature not: thinking that was cut off has none and would be refused.
      return block.signature === ''
        ? undefined
        : { type: 'thinking', thinking: block.text, signature: block.signature };
    case 'redacted_thinking':
      return { type: 'redacted_thinking', data: block.data };
    case 'tool_use':
      return { type: 'tool_use', id: block.id, name: block.name, input: block.input };
  }
}

function textBlock(text: string): Anthropic.TextBlockParam | undefined {
  return text.trim() === '' ? undefined : { type: 'text', text };
}

function resultsFirst(blocks: Anthropic.ContentBlockParam[]): Anthropic.ContentBlockParam[] {
  const isResult = (block: Anthropic.ContentBlockParam) => block.type === 'tool_result';
  return [...blocks.filter(isResult), ...blocks.filter((block) => !isResult(block))];
}

/** A final assistant turn, to be continued, may not end in white space. */
function trimEnd(last: TurnParam | undefined): void {
  const block = last?.role === 'assistant' ? last.content.at(-1) : undefined;
  if (block?.type === 'text') block.text = block.text.trimEnd();
}

/** The same conversation without the model's thinking, which is bound to what came before it, its model and its account. */
export function withoutThinking(messages: ModelMessage[]): ModelMessage[] {
  return messages.map((message) =>
    message.role === 'user' ? message : { ...message, content: message.content.filter((block) => !isThinking(block)) },
  );
}

export function hasThinking(messages: ModelMessage[]): boolean {
  return messages.some((message) => message.role === 'assistant' && message.content.some(isThinking));
}

function isThinking(block: AssistantBlock): boolean {
  return block.type === 'thinking' || block.type === 'redacted_thinking';
}
