import { Injectable } from '@nestjs/common';
import type { Quote } from '../../../contracts/passage.js';
import { OutputSchemas, type OutputJudgement } from '../../agents/output-schemas.service.js';
import { citedSlice } from '../../models/citations.js';
import { textOf, type StoredBlock } from '../messages/message.js';
import type { RunError } from '../runs/run.js';
import type { TurnResult } from './model-turn.js';
import { RunDisplay } from './run-display.js';
import { RunEnding } from './run-ending.js';
import type { RunHold } from './run-hold.js';
import { limitError } from './run-limits.js';
import type { RunState } from './run-state.js';
import { structuredBlocks } from './structured-blocks.js';

type TextBlock = Extract<StoredBlock, { type: 'text' }>;

/** Faults that an error names. */
const NAMED = 3;

/** The answer a run ends with; one that has a schema is shown only if it fits. */
@Injectable()
export class FinalAnswer {
  constructor(
    private readonly schemas: OutputSchemas,
    private readonly display: RunDisplay,
    private readonly ending: RunEnding,
  ) {}

  /** Ends the run with the last model call, or tells what the model has to mend first, which it is asked once. */
  async give(hold: RunHold, state: RunState, last: TurnResult): Promise<string[] | null> {
    const { outputSchema } = hold.run.pinned;
    if (!outputSchema) {
      await this.ending.complete(hold, state, last.blocks);
      return null;
    }
    // An answer that is there, and paid for, is not lost to a crowd.
    const waiting = { patient: true, signal: hold.signal };
    const judgement = await this.schemas.judge(outputSchema, said(state, last), waiting);
    hold.signal.throwIfAborted();
    if (judgement.kind === 'fits') await this.show(hold, state, last, judgement.json);
    else if (judgement.kind === 'faulty' && !state.turns.some(({ faults }) => faults)) return judgement.faults;
    else await this.ending.fail(hold, state, errorOf(judgement));
    return null;
  }

  private async show(hold: RunHold, state: RunState, last: TurnResult, json: string): Promise<void> {
    const turn = state.turns.length;
    const kept = structuredBlocks([...state.turns, { blocks: last.blocks, faults: null }]);
    const blocks: StoredBlock[] = kept.filter((block) => block.turn === turn);
    blocks.push(...cited(lastWords(state, last), json).map((text) => ({ type: 'text' as const, ...text, turn })));
    this.display.start(hold, '');
    // Not at once: it is stored with the end, in one write.
    this.display.delta(hold, 'message.delta', json, false);
    hold.partial = blocks;
    await this.ending.complete(hold, state, blocks);
  }
}

function said(state: RunState, last: TurnResult): string {
  return textOf(lastWords(state, last));
}

/** Text that a pause of the provider cut in pieces is one. */
function lastWords({ turns }: RunState, last: TurnResult): TextBlock[] {
  const before = turns.findLastIndex(({ stopReason, faults }) => stopReason !== 'pause_turn' || faults);
  const blocks = [...turns.slice(before + 1).flatMap((turn) => turn.blocks), ...last.blocks];
  return blocks.filter((block) => block.type === 'text');
}

/** The value as it was written among these words, with what they are taken from. */
function cited(words: readonly TextBlock[], json: string): { text: string; citations?: Quote[] }[] {
  const start = textOf(words).indexOf(json);
  if (start < 0 || !words.some(({ citations }) => citations)) return [{ text: json }];
  return citedSlice(words, start, start + json.length);
}

function errorOf(judgement: Exclude<OutputJudgement, { kind: 'fits' }>): RunError {
  switch (judgement.kind) {
    case 'faulty': {
      const faults = judgement.faults.slice(0, NAMED).join('; ');
      return limitError('output_schema_mismatch', `The answer does not fit the agent's output schema: ${faults}`);
    }
    case 'exceeded':
      return limitError(
        'output_schema_exceeded',
        `Holding the answer against the agent's output schema takes more ${judgement.of} than it may`,
      );
    case 'invalid':
      return limitError('output_schema_invalid', `The agent's output schema is none: ${judgement.reason}`);
  }
}
