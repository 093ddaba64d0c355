import type { Passage } from '../../contracts/passage.js';
import type { FileBlock, ModelRequest, UserBlock } from './model-client.js';
import type { KnownText } from './offline-extract.js';
import type { ReadFile } from './offline-files.js';
import type { PlannedCall } from './offline-tools.js';
import { PASSAGE_RULES } from './passages.js';

export interface MadeCall extends PlannedCall {
  result: string;
  isError: boolean;
  /** Where its result consists of such. */
  passages?: readonly Passage[];
}

/** A request as the offline model reads it. */
export interface Conversation {
  /** The last thing a person wrote. */
  question: string;
  /** What the files sent with it are. */
  files: string[];
  /** Tool calls made since, with their results. */
  calls: MadeCall[];
  /** Passages of documents for this question, best first; null where nobody has looked for any. */
  documents: Passage[] | null;
  /** All else that an answer may be taken from, the oldest first. */
  known: KnownText[];
}

export function readConversation(
  { system, messages, state, outputSchema }: ModelRequest,
  read: ReadonlyMap<FileBlock, ReadFile>,
): Conversation {
  const rules = outputSchema && JSON.stringify(outputSchema);
  const prompt = system.filter((text) => text !== PASSAGE_RULES && !(rules && text.includes(rules)));
  const given = [...prompt, ...(state ? [state] : [])];
  const known: KnownText[] = given.map((text) => ({ text, source: 'prompt' }));
  let documents: Passage[] | null = null;
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
      if (block.type === 'tool_result' && use) {
        calls.push({ ...use, result: block.content, isError: block.isError, passages: block.passages });
      }
    }
    const text = textOf(message.content);
    const sent = message.content.flatMap((block) => (isFile(block) ? (read.get(block) ?? []) : []));
    for (const file of sent) if (file.text !== null) known.push({ text: file.text, source: 'given' });
    if (text !== '' || sent.length > 0) {
      if (question !== '') known.push({ text: question, source: 'user' });
      known.push(
        ...calls
          .filter(({ isError, passages }) => !isError && !passages)
          .map((call): KnownText => ({ text: call.result, source: 'given' })),
      );
      documents = null;
      question = text;
      files = sent.map(({ description }) => description);
      calls = [];
      uses = new Map();
    }
    const found = message.content.flatMap((block) => ('passages' in block && block.passages ? [block.passages] : []));
    if (found.length > 0) documents = [...(documents ?? []), ...found.flat()];
  }
  return { question, files, calls, documents, known };
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
