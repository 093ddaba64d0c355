import { createHash } from 'node:crypto';
import { blocksOf, type Block, type Message, type MessagesRequest } from './messages-api.js';

/**
 * Issues the signatures of thinking blocks and refuses blocks that come back changed, or behind a changed conversation,
 * as the API does for its current models.
 */
export class Signatures {
  private readonly issued = new Map<string, { content: string; prefix: string }>();

  issue(content: string, request: MessagesRequest): string {
    const signature = `sig_${this.issued.size + 1}_${digest(content)}`;
    this.issued.set(signature, { content, prefix: prefixOf(request, request.messages.length) });
    return signature;
  }

  /** The first fault as the API words it, or undefined. */
  faultOf(request: MessagesRequest): string | undefined {
    for (const [index, message] of request.messages.entries()) {
      for (const [position, block] of blocksOf(message).entries()) {
        const known = this.issued.get((block.type === 'redacted_thinking' ? block.data : block.signature) ?? '');
        if (block.type !== 'thinking' && block.type !== 'redacted_thinking') continue;
        const fault = `messages.${index}.content.${position}: Invalid \`signature\` in \`thinking\` block.`;
        if (!known || (block.type === 'thinking' && known.content !== block.thinking)) return fault;
        if (known.prefix !== prefixOf(request, index)) {
          return `${fault} The block is bound to a different conversation. Remove the block, or set \`thinking.block_binding.prefix_mismatch_behavior\` to "drop_block".`;
        }
      }
    }
    return undefined;
  }
}

/** Everything before a message that its thinking is bound to: not the cache marks, not other thinking. */
function prefixOf({ system, tools, messages }: MessagesRequest, until: number): string {
  const before = messages
    .slice(0, until)
    .map((message: Message) => ({ role: message.role, content: blocksOf(message).filter(isBound).map(unmarked) }));
  return digest(
    JSON.stringify([typeof system === 'string' ? system : system?.map(unmarked), tools?.map(unmarked), before]),
  );
}

function isBound(block: Block): boolean {
  return block.type !== 'thinking' && block.type !== 'redacted_thinking';
}

function unmarked<T extends { cache_control?: unknown }>(block: T): T {
  return { ...block, cache_control: undefined };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 24);
}
