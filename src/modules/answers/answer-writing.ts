import type { Citation, Quote } from '../../contracts/passage.js';
import { storableText } from '../../platform/database/storable.js';
import { citationsOf } from '../models/citations.js';
import type { ModelCatalog } from '../models/model-catalog.service.js';
import type { ModelEvent, ModelUsage } from '../models/model-client.js';
import type { UsageDto } from '../sessions/usage.dto.js';
import { addUsage, NO_USAGE } from '../sessions/usage.js';

interface Hearer {
  onText?: (text: string) => void;
  /** What was heard so far is void. */
  onDiscarded?: (reason: string) => void;
}

/** An answer as a model writes it. */
export class AnswerWriting {
  private texts: { text: string; citations: Quote[] }[] = [];
  /** Heard of the block under way. */
  private heard = '';
  usage: UsageDto = NO_USAGE;

  constructor(
    private model: string,
    private readonly hearer: Hearer,
    private readonly catalog: ModelCatalog,
  ) {}

  get answer(): string {
    return this.texts.map(({ text }) => text).join('') + this.heard;
  }

  get citations(): Citation[] {
    return citationsOf(this.texts);
  }

  /** Words that no model has written. */
  say(text: string): void {
    this.texts.push({ text, citations: [] });
    this.hearer.onText?.(text);
  }

  /** @throws what the stream throws */
  async consume(stream: AsyncIterable<ModelEvent>): Promise<void> {
    for await (const event of stream) {
      if (event.type === 'text') this.hear(event.text);
      else if (event.type === 'block' && event.block.type === 'text') {
        this.texts.push({ text: storableText(event.block.text), citations: event.citations ?? [] });
        this.heard = '';
      } else if (event.type === 'restart') this.restart(event);
      else if (event.type === 'done') this.count(event.usage);
    }
  }

  /** What an attempt took. */
  count(usage: ModelUsage): void {
    this.usage = addUsage(this.usage, usage, this.catalog.costMicros(this.model, usage));
  }

  private hear(text: string): void {
    this.heard += storableText(text);
    this.hearer.onText?.(text);
  }

  private restart({ usage, model, reason }: Extract<ModelEvent, { type: 'restart' }>): void {
    this.count(usage);
    this.model = model;
    if (this.answer !== '') this.hearer.onDiscarded?.(reason);
    this.texts = [];
    this.heard = '';
  }
}
