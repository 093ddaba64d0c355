import Anthropic from '@anthropic-ai/sdk';
import { Stream } from '@anthropic-ai/sdk/streaming';
import { TimedOut } from '../../contracts/errors.js';
import { IdleDeadline } from '../../platform/resilience/idle-deadline.js';
import { fromErrorEvent, malformedEvent, toModelError } from './anthropic-errors.js';
import { fileParams, hasFiles, withoutFiles } from './anthropic-files.js';
import { hasThinking, withoutThinking } from './anthropic-messages.js';
import { toAnthropicRequest } from './anthropic-request.js';
import { AnthropicTurn } from './anthropic-turn.js';
import { searchResultsOf } from './anthropic-passages.js';
import type { ClientEvent, ModelClient, ModelMessage, ModelRequest } from './model-client.js';
import { ModelCallFailed } from './model-errors.js';
import type { ListedModel } from './model-list.js';
import { hasPassages, passagesText, withoutPassages } from './passages.js';
import { estimateTokens } from './token-estimate.js';

export interface AnthropicOptions {
  apiKey: string;
  /** Null: the public API. */
  baseUrl: string | null;
  /** Limits and abilities of a model; undefined where it is not known. */
  lookUp: (model: string) => ListedModel | undefined;
  /**
   * How long the provider may be silent, 60,000 by default. Pings count as a sign of life: a model may think or write a
   * long tool argument for minutes and send nothing else. A provider that only pings meets the caller's own deadline.
   */
  idleTimeoutMs?: number;
}

/** The provider reads the prompt before its first sign of life; at 10,000 tokens a second, a slow pace, so long a token. */
const READING_MS_PER_TOKEN = 0.1;

/** How long the end of the connection may come after the end of the answer; waiting for it keeps the connection usable. */
const CLOSING_MS = 1000;

/** Claude by the Messages API. One attempt: retries and fallbacks are the caller's. */
export class AnthropicClient implements ModelClient {
  readonly provider = 'anthropic';
  private readonly sdk: Anthropic;
  private readonly idleTimeoutMs: number;

  constructor(private readonly options: AnthropicOptions) {
    this.idleTimeoutMs = options.idleTimeoutMs ?? 60_000;
    this.sdk = new Anthropic({
      apiKey: options.apiKey,
      // Named even when it is the public one, so that the SDK reads no environment of its own.
      baseURL: options.baseUrl ?? 'https://api.anthropic.com',
      maxRetries: 0,
      // Neither its logs nor its spans may hold prompts, whatever variables are set.
      logLevel: 'off',
      openTelemetry: { propagation: false, traces: { contentMode: 'metadata_only' } },
    });
  }

  async *stream(request: ModelRequest): AsyncGenerator<ClientEvent> {
    let begun = false;
    try {
      for await (const event of this.attempt(request)) {
        begun = true;
        yield event;
      }
    } catch (error) {
      const messages = begun ? null : withoutRefused(request.messages, error);
      if (messages === null) throw error;
      yield* this.stream({ ...request, messages });
    }
  }

  private async *attempt(request: ModelRequest): AsyncGenerator<ClientEvent> {
    request.signal.throwIfAborted();
    const { body, headers } = toAnthropicRequest(
      request,
      await fileParams(request.messages),
      this.options.lookUp(request.model),
    );
    const deadline = new IdleDeadline(request.signal);
    const turn = new AnthropicTurn(searchResultsOf(body.messages));
    try {
      deadline.expect(this.idleTimeoutMs + promptTokens(request) * READING_MS_PER_TOKEN);
      const response = await this.sdk.messages.create(body, { headers, signal: deadline.signal }).asResponse();
      for await (const event of Stream.rawEvents(response)) {
        request.signal.throwIfAborted();
        // A slow reader of ours is no silence of theirs.
        deadline.rest();
        yield* this.read(event, turn);
        deadline.expect(turn.finished ? CLOSING_MS : this.idleTimeoutMs);
      }
      if (!turn.finished) throw new Error('The stream ended early');
    } catch (error) {
      if (!turn.finished) {
        request.signal.throwIfAborted();
        throw deadline.expired ? new TimedOut('Anthropic fell silent') : toModelError(error, this.options.apiKey);
      }
    } finally {
      deadline.rest();
      if (turn.started && !turn.finished) request.onUnfinished?.(turn.settled());
    }
    yield turn.done();
  }

  private *read(event: { event: string | null; data: string }, turn: AnthropicTurn): Generator<ClientEvent> {
    if (event.event === 'error') throw fromErrorEvent(event.data, this.options.apiKey);
    if (event.event === null || event.event === 'ping' || event.data === '') return;
    let events: ClientEvent[];
    try {
      events = turn.accept(JSON.parse(event.data) as Anthropic.RawMessageStreamEvent);
    } catch (error) {
      throw malformedEvent(error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message);
    }
    yield* events;
  }
}

function promptTokens({ system, messages }: ModelRequest): number {
  let tokens = 0;
  for (const text of system) tokens += estimateTokens(text);
  for (const { content } of messages) {
    for (const block of content) {
      if (block.type === 'tool_result') tokens += estimateTokens(block.content);
      else if (block.type === 'passages') tokens += estimateTokens(passagesText(block.passages));
      else if ('text' in block) tokens += estimateTokens(block.text);
      else if ('tokens' in block) tokens += block.tokens;
    }
  }
  return tokens;
}

/**
 * What can be sent instead of a conversation that was refused, which has cost nothing yet; null when there is nothing to
 * leave out. Thinking is refused when anything before it has changed since, or the account has; the provider's advice is
 * to go on without any. Of a file that it can not read it does not always say which one it is. A gateway may know nothing
 * of search results; without them answers cite nothing.
 */
function withoutRefused(messages: ModelMessage[], error: unknown): ModelMessage[] | null {
  if (!(error instanceof ModelCallFailed) || error.kind !== 'request') return null;
  if (/`(redacted_)?thinking`/.test(error.message) && hasThinking(messages)) return withoutThinking(messages);
  if (OF_PASSAGES.test(error.message) && hasPassages(messages)) return withoutPassages(messages);
  return /\b(image|pdf|document)s?\b/i.test(error.message) && hasFiles(messages) ? withoutFiles(messages) : null;
}

const OF_PASSAGES = /search_?\s?result|\bcitations?\b|\btool_result\b.*\bcontent\b/i;
