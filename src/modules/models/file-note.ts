import type { FileBlock } from './model-client.js';

type Fault = NonNullable<FileBlock['fault']> | 'empty' | 'left_out' | 'refused';

const WHY: Record<Exclude<Fault, 'deleted'>, string> = {
  encrypted: 'can not be read: it is encrypted',
  broken: 'can not be read: it is broken',
  too_complex: 'can not be read: it takes more time or memory than allowed',
  empty: 'is empty',
  refused: 'can not be shown: a file of this conversation is refused by the provider of the model',
  left_out: 'was shown earlier and is left out now: the files of the conversation are too large to be sent together',
};

/** What a model is told in place of a file. */
export function fileNote({ name }: Pick<FileBlock, 'name'>, fault: Fault): string {
  if (fault === 'deleted') return `[file no longer available] (${name})`;
  return `[The file ${name} ${WHY[fault]}]`;
}
