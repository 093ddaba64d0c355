import { createHash } from 'node:crypto';
import { blocksOf, type Block, type MessagesRequest } from './messages-api.js';

/** How many blocks before a mark the API looks for what was cached earlier, as its documentation says. */
const LOOK_BACK = 20;

export interface Cached {
  /** Characters that were read from the cache, and all others. */
  read: number;
  fresh: number;
}

/** The provider's prompt cache, told from what is sent to it: prefixes that end at a mark are kept, and found again. */
export class PromptCache {
  private readonly kept = new Set<string>();

  send(request: MessagesRequest): Cached {
    const blocks = inOrder(request);
    const prefixes: { hash: string; size: number }[] = [];
    const hash = createHash('sha256');
    let size = 0;
    for (const { text } of blocks) {
      hash.update(text);
      size += text.length;
      prefixes.push({ hash: hash.copy().digest('hex'), size });
    }
    const marks = blocks.flatMap(({ isMarked }, index) => (isMarked ? [index] : []));
    const reachable = marks.flatMap((mark) => prefixes.slice(Math.max(0, mark - LOOK_BACK), mark + 1));
    const read = Math.max(0, ...reachable.filter((prefix) => this.kept.has(prefix.hash)).map((prefix) => prefix.size));
    for (const mark of marks) this.kept.add(prefixes[mark]?.hash ?? '');
    return { read, fresh: size - read };
  }
}

/** Tools, system prompt, messages: so the prefix is built. */
function inOrder({ tools = [], system = [], messages }: MessagesRequest): { text: string; isMarked: boolean }[] {
  const prompt: Block[] = typeof system === 'string' ? [{ type: 'text', text: system }] : system;
  const said = messages.flatMap((message) => blocksOf(message).map((block) => ({ ...block, of: message.role })));
  return [...tools, ...prompt, ...said].map(({ cache_control: mark, ...block }) => ({
    text: JSON.stringify(block),
    isMarked: mark !== undefined,
  }));
}
