import type { AssistantBlock, ModelEvent, ModelUsage, StopReason } from '../../models/model-client.js';
import type { WireNames } from '../../tools/tool-wire-names.js';
import { textOf, type StoredBlock } from '../messages/message.js';
import type { RunDisplay } from './run-display.js';
import type { RunHold } from './run-hold.js';

export interface TurnResult {
  blocks: StoredBlock[];
  stopReason: StopReason;
}

interface TurnContext {
  turn: number;
  /** Text of the steps before, which this turn's text follows. */
  kept: string;
  names: WireNames;
  display: RunDisplay;
  /** Called with what each attempt took, the last included. */
  onUsage: (usage: ModelUsage, model: string | null) => void;
}

/** Shows a model call as it streams and collects its blocks. */
export class ModelTurn {
  private blocks: StoredBlock[] = [];
  private shown = false;

  constructor(
    private readonly hold: RunHold,
    private readonly context: TurnContext,
  ) {}

  /** @throws what the stream throws; what was shown until then is in `hold.partial` */
  async consume(stream: AsyncIterable<ModelEvent>): Promise<TurnResult> {
    this.reset();
    for await (const event of stream) {
      switch (event.type) {
        case 'text':
          this.text(event.text);
          break;
        case 'thinking':
          this.show('thinking.delta', clean(event.text));
          break;
        case 'block':
          this.blocks.push(...this.stored(event.block));
          this.hold.partial = [...this.blocks];
          break;
        case 'restart':
          this.context.onUsage(event.usage, event.model);
          if (this.shown) this.context.display.discard(this.hold, event.reason);
          this.reset();
          break;
        case 'done':
          this.context.onUsage(event.usage, null);
          return { blocks: withoutCutCall(this.blocks, event.stopReason), stopReason: event.stopReason };
      }
    }
    throw new Error('The model stream ended without an end');
  }

  private reset(): void {
    this.blocks = [];
    this.shown = false;
    this.hold.partial = [];
  }

  private text(text: string): void {
    // Steps of one message are paragraphs of their own; the separator is part of the text, so that deltas add up.
    const { kept } = this.context;
    const first = textOf(this.hold.partial) === '';
    const separator = first && kept !== '' && !kept.endsWith('\n') ? '\n\n' : '';
    const shown = separator + clean(text);
    this.show('message.delta', shown);
    const last = this.hold.partial.at(-1);
    const open = this.hold.partial.length > this.blocks.length && last?.type === 'text' ? last : null;
    if (open) open.text += shown;
    else this.hold.partial.push({ type: 'text', text: shown, turn: this.context.turn });
  }

  private show(type: 'message.delta' | 'thinking.delta', text: string): void {
    const urgent = !this.shown;
    this.context.display.start(this.hold, this.context.kept);
    this.context.display.delta(this.hold, type, text, urgent);
    this.shown = true;
  }

  private stored(block: AssistantBlock): StoredBlock[] {
    const { turn, names } = this.context;
    if (block.type === 'tool_use') return [{ ...block, name: names.fromWire(block.name), turn }];
    if (block.type !== 'text') return [{ ...block, turn }];
    // The text as it was shown, separator and all.
    const shown = this.hold.partial.at(-1);
    return shown?.type === 'text' && this.hold.partial.length > this.blocks.length ? [shown] : [];
  }
}

/** A call whose input the token limit cut off was never asked for. */
function withoutCutCall(blocks: StoredBlock[], stopReason: StopReason): StoredBlock[] {
  const cut = stopReason === 'max_tokens' && blocks.at(-1)?.type === 'tool_use';
  return cut ? blocks.slice(0, -1) : blocks;
}

/** Postgres holds no NUL in text, and a lone surrogate is no character. */
function clean(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed();
}
