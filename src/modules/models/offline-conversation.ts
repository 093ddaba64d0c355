import type { ModelRequest, UserBlock } from './model-client.js';
import type { Passage } from './offline-extract.js';
import type { PlannedCall } from './offline-tools.js';

export interface MadeCall extends PlannedCall {
  result: string;
  isError: boolean;
}

/** A request as the offline model reads it. */
export interface Conversation {
  /** The last thing a person wrote. */
  question: string;
  /** Tool calls made since, with their results. */
  calls: MadeCall[];
  /** All an answer may be taken from, the oldest first. */
  passages: Passage[];
}

export function readConversation({ system, messages, state }: ModelRequest): Conversation {
  const given = [...system, ...(state ? [state] : [])];
  const passages: Passage[] = given.map((text) => ({ text, source: 'given' }));
  let question = '';
  let calls: MadeCall[] = [];
  let uses = new Map<string, PlannedCall>();
  for (const message of messages) {
    if (message.role === 'assistant') {
      for (const block of message.content)
        if (block.type === 'tool_use') uses.set(block.id, { name: block.name, input: block.input });
      continue;
    }
    for (const block of message.content) {
      const use = block.type === 'tool_result' ? uses.get(block.toolUseId) : undefined;
      if (block.type === 'tool_result' && use) calls.push({ ...use, result: block.content, isError: block.isError });
    }
    const text = textOf(message.content);
    if (text !== '') {
      if (question !== '') passages.push({ text: question, source: 'user' });
      passages.push(
        ...calls.filter((call) => !call.isError).map((call): Passage => ({ text: call.result, source: 'given' })),
      );
      question = text;
      calls = [];
      uses = new Map();
    }
  }
  return { question, calls, passages };
}

function textOf(blocks: UserBlock[]): string {
  return blocks
    .map((block) => (block.type === 'text' ? block.text : ''))
    .join('\n')
    .trim();
}
