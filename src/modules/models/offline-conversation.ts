import type { FileBlock, ModelRequest, UserBlock } from './model-client.js';
import type { Passage } from './offline-extract.js';
import type { ReadFile } from './offline-files.js';
import type { PlannedCall } from './offline-tools.js';

export interface MadeCall extends PlannedCall {
  result: string;
  isError: boolean;
}

/** A request as the offline model reads it. */
export interface Conversation {
  /** The last thing a person wrote. */
  question: string;
  /** What the files sent with it are. */
  files: string[];
  /** Tool calls made since, with their results. */
  calls: MadeCall[];
  /** All an answer may be taken from, the oldest first. */
  passages: Passage[];
}

export function readConversation(
  { system, messages, state, outputSchema }: ModelRequest,
  read: ReadonlyMap<FileBlock, ReadFile>,
): Conversation {
  const rules = outputSchema && JSON.stringify(outputSchema);
  const given = [...system.filter((text) => !rules || !text.includes(rules)), ...(state ? [state] : [])];
  const passages: Passage[] = given.map((text) => ({ text, source: 'given' }));
  let question = '';
  let files: string[] = [];
  let calls: MadeCall[] = [];
  let uses = new Map<string, PlannedCall>();
  for (const message of messages) {
    if (message.role === 'assistant') {
      for (const block of message.content)
        if (block.type === 'tool_use') uses.set(block.id, { name: block.name, input: block.input });
      continue;
    }
    if (message.isFollowUp) continue;
    for (const block of message.content) {
      const use = block.type === 'tool_result' ? uses.get(block.toolUseId) : undefined;
      if (block.type === 'tool_result' && use) calls.push({ ...use, result: block.content, isError: block.isError });
    }
    const text = textOf(message.content);
    const sent = message.content.flatMap((block) => (isFile(block) ? (read.get(block) ?? []) : []));
    for (const file of sent) if (file.text !== null) passages.push({ text: file.text, source: 'given' });
    if (text !== '' || sent.length > 0) {
      if (question !== '') passages.push({ text: question, source: 'user' });
      passages.push(
        ...calls.filter((call) => !call.isError).map((call): Passage => ({ text: call.result, source: 'given' })),
      );
      question = text;
      files = sent.map(({ description }) => description);
      calls = [];
      uses = new Map();
    }
  }
  return { question, files, calls, passages };
}

function textOf(blocks: UserBlock[]): string {
  return blocks
    .map((block) => (block.type === 'text' ? block.text : ''))
    .join('\n')
    .trim();
}

function isFile(block: UserBlock): block is FileBlock {
  return block.type === 'image' || block.type === 'document';
}
