import type { Quote } from '../../../contracts/passage.js';
import { storableJson, storableText } from '../../../platform/database/storable.js';
import type { AssistantBlock, ModelEvent, ModelUsage, StopReason } from '../../models/model-client.js';
import { WholeCharacters } from '../../../platform/database/whole-characters.js';
import type { WireNames } from '../../tools/tool-wire-names.js';
import { textOf, type StoredBlock } from '../messages/message.js';
import type { RunDisplay } from './run-display.js';
import type { RunHold } from './run-hold.js';

export interface TurnResult {
  blocks: StoredBlock[];
  stopReason: StopReason;
}

type TextBlock = Extract<StoredBlock, { type: 'text' }>;

interface TurnContext {
  turn: number;
  /** Text of the steps before, which this turn's text follows. */
  kept: string;
  /** The step before was cut short by the provider and this one takes up its sentence. */
  goesOn: boolean;
  /** Ids of the run's calls so far. */
  callIds: ReadonlySet<string>;
  names: WireNames;
  /** What is said is held back until it is known to be an answer. */
  isHeld: boolean;
  display: RunDisplay;
  /** Called with what each attempt took, the last included; what it throws ends the call. */
  onUsage: (usage: ModelUsage, model: string | null) => void;
}

/** Shows a model call as it streams and collects its blocks. */
export class ModelTurn {
  private blocks: StoredBlock[] = [];
  private shown = false;
  private readonly characters = new WholeCharacters();
  /** What was said and held back of the block under way. */
  private held = '';

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
          this.text(this.characters.next(event.text));
          break;
        case 'thinking':
          this.show('thinking.delta', this.characters.next(event.text));
          break;
        case 'block':
          this.characters.end();
          this.blocks.push(...this.stored(event.block, event.citations));
          this.hold.partial = this.blocks.filter((block) => !(this.context.isHeld && block.type === 'text'));
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
    this.characters.end();
    this.held = '';
    this.hold.partial = [];
  }

  private text(text: string): void {
    if (this.context.isHeld) this.held += text;
    if (text === '' || this.context.isHeld) return;
    // Steps of one message are paragraphs of their own; the separator is part of the text, so that deltas add up.
    const { kept, goesOn } = this.context;
    const first = textOf(this.hold.partial) === '';
    const separator = first && !goesOn && kept !== '' && !kept.endsWith('\n') ? '\n\n' : '';
    const shown = separator + text;
    this.show('message.delta', shown);
    const last = this.hold.partial.at(-1);
    const open = this.hold.partial.length > this.blocks.length && last?.type === 'text' ? last : null;
    if (open) open.text += shown;
    else this.hold.partial.push({ type: 'text', text: shown, turn: this.context.turn });
  }

  private show(type: 'message.delta' | 'thinking.delta', text: string): void {
    if (text === '') return;
    const urgent = !this.shown;
    this.context.display.start(this.hold, this.context.kept);
    this.context.display.delta(this.hold, type, text, urgent);
    this.shown = true;
  }

  private stored(block: AssistantBlock, citations?: Quote[]): StoredBlock[] {
    const { turn } = this.context;
    switch (block.type) {
      case 'tool_use':
        return [this.call(block)];
      case 'thinking': {
        const text = storableText(block.text);
        // Its signature is for the text as it came.
        return [{ ...block, text, signature: text === block.text ? block.signature : '', turn }];
      }
      case 'redacted_thinking':
        return [{ ...block, data: storableText(block.data), turn }];
      case 'text': {
        const said = this.context.isHeld ? this.released() : this.shownText();
        return citations ? said.map((text) => ({ ...text, citations })) : said;
      }
    }
  }

  /** As it was shown, separator and all. */
  private shownText(): TextBlock[] {
    const shown = this.hold.partial.at(-1);
    return shown?.type === 'text' && this.hold.partial.length > this.blocks.length ? [shown] : [];
  }

  private released(): TextBlock[] {
    const text = this.held;
    this.held = '';
    return text === '' ? [] : [{ type: 'text', text, turn: this.context.turn }];
  }

  private call({ id, name, input }: Extract<AssistantBlock, { type: 'tool_use' }>): StoredBlock {
    const { turn, names } = this.context;
    return {
      type: 'tool_use',
      id: this.ownId(storableText(id)),
      name: names.fromWire(storableText(name)),
      input: storableJson(input) as Record<string, unknown>,
      turn,
    };
  }

  /** Results find their calls by it, so that it has to be the only one in the run, whatever the provider does. */
  private ownId(id: string): string {
    const taken = (candidate: string): boolean =>
      this.context.callIds.has(candidate) ||
      this.blocks.some((block) => block.type === 'tool_use' && block.id === candidate);
    let own = id;
    for (let n = 2; taken(own); n++) own = `${id}_${n}`;
    return own;
  }
}

/** A call whose input the token limit cut off was never asked for. */
function withoutCutCall(blocks: StoredBlock[], stopReason: StopReason): StoredBlock[] {
  const cut = stopReason === 'max_tokens' && blocks.at(-1)?.type === 'tool_use';
  return cut ? blocks.slice(0, -1) : blocks;
}
