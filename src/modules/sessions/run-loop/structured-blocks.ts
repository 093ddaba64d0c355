import type { StoredBlock } from '../messages/message.js';
import type { RunTurn } from './run-steps.repository.js';

/**
 * What a message whose text has to be JSON keeps of its run's model calls: not the words before tool calls, and nothing
 * of answers that were faulty. Thinking is bound to all that was said before it, so what followed something left out is
 * shown and never given back.
 */
export function structuredBlocks(turns: readonly Pick<RunTurn, 'blocks' | 'faults'>[]): StoredBlock[] {
  let isWhole = true;
  return turns.flatMap(({ blocks, faults }) =>
    blocks.flatMap((block): StoredBlock[] => {
      if (faults || block.type === 'text') {
        isWhole = false;
        return [];
      }
      if (isWhole || block.type === 'tool_use') return [block];
      return block.type === 'thinking' ? [{ ...block, signature: '' }] : [];
    }),
  );
}
