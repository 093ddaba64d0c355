import { Injectable } from '@nestjs/common';
import { DomainError } from '../../contracts/errors.js';
import type { GuardedCall } from '../../platform/resilience/breaker.js';
import { Breakers } from '../../platform/resilience/breakers.js';
import { Retry, pause } from '../../platform/resilience/retry.js';
import type { Quote } from '../../contracts/passage.js';
import { CitationMetrics } from './citation-metrics.js';
import { ModelCatalog, type CatalogModel } from './model-catalog.service.js';
import type { ClientEvent, ModelClient, ModelEvent, ModelRequest, ModelUsage } from './model-client.js';
import { ModelClients } from './model-clients.js';
import { ModelCallFailed, UnknownModel, failureKind } from './model-errors.js';
import { passagesIn } from './passages.js';
import { quoteOf, type CitationClaim } from './quotes.js';

/** `model` and `fallbackModels` as agents name them: `name` or `provider:name`. */
export type ModelCall = ModelRequest & { fallbackModels: string[] };

const NOTHING: ModelUsage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  estimated: false,
};

/** One model call with all that keeps it alive: retries, circuit breakers, fallback models. */
@Injectable()
export class ModelsService {
  constructor(
    private readonly catalog: ModelCatalog,
    private readonly clients: ModelClients,
    private readonly breakers: Breakers,
    private readonly retry: Retry,
    private readonly citations: CitationMetrics,
  ) {}

  /**
   * Streams one answer. A failed attempt that had shown or cost anything is told as `restart` before the next; so is a
   * change of the model. Throws the signal's reason as soon as it is aborted; otherwise what the last attempt failed of:
   * DomainErrors alone, `circuit_breaker_open` where no attempt could be made.
   */
  async *stream(call: ModelCall): AsyncGenerator<ModelEvent> {
    const report = new UsageReport(call);
    let failure: unknown;
    let answering = call.model;
    try {
      for (const name of new Set([call.model, ...call.fallbackModels])) {
        const attempts = this.retry.start();
        for (let delayMs: number | undefined = 0; delayMs !== undefined;) {
          if (delayMs > 0) await pause(delayMs, call.signal);
          call.signal.throwIfAborted();
          const attempt = this.tryBegin(name);
          if (attempt instanceof DomainError) {
            // Not tried at all: says less than the failure of a model that was.
            failure ??= attempt;
            break;
          }
          if (name !== answering) yield report.restart(failure, name);
          answering = name;
          try {
            yield* this.run(attempt, call, report);
            return;
          } catch (error) {
            call.signal.throwIfAborted();
            const kind = failureKind(error);
            if (kind === undefined || kind === 'request' || kind === 'too_long') throw error;
            failure = error;
            delayMs = kind === 'access' ? undefined : attempts.afterFailure(retryAfterMs(error));
            if (delayMs !== undefined && report.hasAny) yield report.restart(error, name);
          }
        }
      }
      throw failure;
    } finally {
      report.flush();
    }
  }

  /** The error is a reason to go on to the next model. */
  private tryBegin(name: string): Attempt | DomainError {
    const model = this.catalog.find(name);
    if (!model) return new UnknownModel(name, this.catalog.knownNames());
    try {
      const client = this.clients.for(model.provider);
      return { model, client, guard: this.breakers.get(`model:${model.provider}:${model.name}`).begin() };
    } catch (error) {
      if (error instanceof DomainError) return error;
      throw error;
    }
  }

  private async *run(
    { model, client, guard }: Attempt,
    call: ModelCall,
    report: UsageReport,
  ): AsyncGenerator<ModelEvent> {
    const request: ModelRequest = {
      ...call,
      model: model.name,
      maxOutputTokens: Math.min(call.maxOutputTokens, model.maxOutputTokens),
      onUnfinished: (usage) => {
        report.usage = usage;
      },
    };
    try {
      for await (const event of client.stream(request)) {
        guard.answering();
        if (event.type === 'done') {
          guard.succeeded();
          report.clear();
        } else report.shown = true;
        yield this.verified(event, call);
      }
      guard.succeeded();
    } catch (error) {
      // A refusal says that the provider is there; an asked-for pause concerns one key, and breakers are shared by all.
      if (!call.signal.aborted && failureKind(error) === 'fault') guard.failed();
      throw error;
    } finally {
      guard.abandoned();
    }
  }

  /** Whatever provider says so: a citation is what stands in a passage that was given, and nothing else is. */
  private verified(event: ClientEvent, { messages }: ModelCall): ModelEvent {
    if (event.type !== 'block' || !event.claims) return event;
    const { claims, ...said } = event;
    const citations = this.quotesOf(claims, messages);
    return { ...said, ...(citations.length > 0 && { citations }) };
  }

  private quotesOf(claims: readonly CitationClaim[], messages: ModelRequest['messages']): Quote[] {
    const passages = passagesIn(messages);
    const quotes = new Map<string, Quote>();
    for (const claim of claims) {
      const quote = quoteOf(claim, passages);
      this.citations.judged(quote !== null);
      if (quote) quotes.set(`${quote.chunkId} ${String(quote.start)} ${String(quote.end)}`, quote);
    }
    return [...quotes.values()];
  }
}

interface Attempt {
  model: CatalogModel;
  client: ModelClient;
  guard: GuardedCall;
}

/** What attempts so far left behind that the caller has not been told. */
class UsageReport {
  usage: ModelUsage | undefined;
  /** The attempt under way, or the last, has shown something. */
  shown = false;

  constructor(private readonly call: ModelCall) {}

  get hasAny(): boolean {
    return this.shown || this.usage !== undefined;
  }

  restart(reason: unknown, model: string): ModelEvent {
    const event = { type: 'restart', reason: messageOf(reason), model, usage: this.usage ?? NOTHING } as const;
    this.clear();
    return event;
  }

  clear(): void {
    this.usage = undefined;
    this.shown = false;
  }

  flush(): void {
    if (this.usage) this.call.onUnfinished?.(this.usage);
  }
}

function retryAfterMs(error: unknown): number | undefined {
  return error instanceof ModelCallFailed ? error.retryAfterMs : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'The model is not available';
}
