import type { Citation, Quote } from '../../contracts/passage.js';
import { ExternalServiceFailed } from '../../contracts/errors.js';
import { citationsOf } from '../models/citations.js';
import type { ModelCatalog } from '../models/model-catalog.service.js';
import type { ModelEvent, ModelUsage, StopReason } from '../models/model-client.js';
import { WholeCharacters } from '../../platform/database/whole-characters.js';
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
  private readonly characters = new WholeCharacters();
  usage: UsageDto = NO_USAGE;

  constructor(
    /** The one that answers, or was asked last. */
    public model: string,
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

  /** @throws what the stream throws; ExternalServiceFailed where nothing was said that is an answer */
  async consume(stream: AsyncIterable<ModelEvent>): Promise<void> {
    for await (const event of stream) {
      if (event.type === 'text') this.hear(this.characters.next(event.text));
      else if (event.type === 'block') this.finishBlock(event.block.type === 'text' ? event.citations : []);
      else if (event.type === 'restart') this.restart(event);
      else if (event.type === 'done') {
        this.count(event.usage);
        this.end(event.stopReason);
        return;
      }
    }
    throw new Error('The model stream ended without an end');
  }

  /** What an attempt took. */
  count(usage: ModelUsage): void {
    this.usage = addUsage(this.usage, usage, this.catalog.costMicros(this.model, usage));
  }

  private hear(text: string): void {
    if (text === '') return;
    this.heard += text;
    this.hearer.onText?.(text);
  }

  /** As it was heard, so that what was heard adds up. */
  private finishBlock(citations: Quote[] = []): void {
    this.characters.end();
    if (this.heard !== '') this.texts.push({ text: this.heard, citations });
    this.heard = '';
  }

  private end(stopReason: StopReason): void {
    if (stopReason === 'refusal') throw new NoAnswer(this.model, 'The model declined to answer');
    if (this.answer.trim() === '') throw new NoAnswer(this.model, 'The model gave no answer');
  }

  private restart({ usage, model, reason }: Extract<ModelEvent, { type: 'restart' }>): void {
    this.count(usage);
    this.model = model;
    if (this.answer !== '') this.hearer.onDiscarded?.(reason);
    this.texts = [];
    this.heard = '';
    this.characters.end();
  }
}

class NoAnswer extends ExternalServiceFailed {
  constructor(model: string, message: string) {
    super(model, message, { retryable: false });
  }
}
