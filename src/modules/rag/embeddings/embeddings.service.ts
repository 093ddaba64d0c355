import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Breakers } from '../../../platform/resilience/breakers.js';
import { Retry } from '../../../platform/resilience/retry.js';
import { UnknownModel, failureKind } from '../../models/model-errors.js';
import { estimateTokens, firstTokens } from '../../models/token-estimate.js';
import type { EmbeddingBatch, EmbeddingRequest } from './embedding-client.js';
import { EmbeddingClients, type PacedClient } from './embedding-clients.js';
import { EmbeddingModels, type EmbeddingModel } from './embedding-models.service.js';
import { EmbeddingUsesRepository } from './embedding-uses.repository.js';
import { ProviderAttempts } from './provider-attempts.js';
import { tokensPrice } from './tokens-price.js';
import { unitVectors } from './unit-vectors.js';

/** Of the texts that were given, those from `from` on, as many as there are vectors. */
export interface EmbeddedTexts extends EmbeddingBatch {
  readonly from: number;
}

export interface EmbeddingCall extends EmbeddingRequest {
  /** For whose sake, as the account of what was paid names it. */
  readonly collectionId?: string | null;
}

/** Of one call. Below what any provider takes, so that little is lost with one; estimates of tokens err to the full side. */
const MOST_TEXTS = 128;
const MOST_TOKENS = 60_000;

/** How often a text is halved that a provider finds too long for its model. */
const MOST_HALVINGS = 3;
/** A provider that asks for more is asked again all the same, by whatever comes next. */
const MOST_HOLD_MS = 60_000;

/** Questions whose vectors are kept, 4 KB each for most models. */
const MOST_QUERIES = 1_000;

const NEVER = new AbortController().signal;

interface Batch {
  from: number;
  texts: string[];
  tokens: number;
}

/** Embeddings with all that keeps them coming: batches, the provider's pace, retries, circuit breakers. */
@Injectable()
export class EmbeddingsService {
  private readonly attempts: ProviderAttempts;
  /** By tenant, model and text. */
  private readonly queries = new Map<string, Float32Array>();

  constructor(
    private readonly models: EmbeddingModels,
    private readonly clients: EmbeddingClients,
    private readonly uses: EmbeddingUsesRepository,
    breakers: Breakers,
    retry: Retry,
  ) {
    this.attempts = new ProviderAttempts(breakers, retry);
  }

  /**
   * Batch by batch, in the order of the texts. The next one is asked for, and paid, only when its reader comes back for
   * it: what was stored of those before is not paid again by whoever goes on after a failure. Texts beyond what the model
   * takes are cut. Not to be called inside a transaction.
   * @throws DomainError: ProviderNotConfigured, ModelCallFailed, `circuit_breaker_open` …; or the signal's reason
   */
  async *embed(name: string, call: EmbeddingCall): AsyncGenerator<EmbeddedTexts> {
    const model = this.models.find(name);
    if (!model) throw new UnknownModel(name, this.models.known());
    const provider = this.clients.for(model.provider);
    for (const batch of batchesOf(call.texts, model.maxInputTokens)) {
      const { from } = batch;
      yield { from, ...(await this.embedBatch(model, provider, batch, call)) };
    }
  }

  /** What was asked lately is not paid again. @throws as {@link embed} */
  async embedQuery(
    name: string,
    text: string,
    call: Omit<EmbeddingCall, 'texts' | 'purpose'> = {},
  ): Promise<Float32Array> {
    const key = `${currentTenantActor().tenantId} ${name} ${createHash('sha256').update(text).digest('base64')}`;
    const known = this.queries.get(key);
    if (known) return known;
    for await (const { vectors } of this.embed(name, { ...call, texts: [text], purpose: 'query' }))
      for (const vector of vectors) {
        const [oldest] = this.queries.keys();
        if (this.queries.size >= MOST_QUERIES && oldest !== undefined) this.queries.delete(oldest);
        this.queries.set(key, vector);
        return vector;
      }
    throw new Error('A text was embedded to nothing');
  }

  private async embedBatch(
    model: EmbeddingModel,
    provider: PacedClient,
    batch: Batch,
    call: EmbeddingCall,
  ): Promise<EmbeddingBatch> {
    let [tried, halvings] = [batch, 0];
    const attempt = async () => {
      for (;;) {
        try {
          return await this.attempt(model, provider, tried, call);
        } catch (error) {
          if (failureKind(error) !== 'too_long' || halvings === MOST_HALVINGS) throw error;
          [tried, halvings] = [halved(tried), halvings + 1];
        }
      }
    };
    return this.attempts.repeated(call.signal ?? NEVER, attempt, (ms) => {
      provider.pace?.holdFor(Math.min(ms, MOST_HOLD_MS));
    });
  }

  private async attempt(
    model: EmbeddingModel,
    { client, pace }: PacedClient,
    { texts, tokens }: Batch,
    { purpose, signal = NEVER, collectionId = null }: EmbeddingCall,
  ): Promise<EmbeddingBatch> {
    const ended = await pace?.begin(purpose, tokens, signal);
    try {
      return await this.attempts.guarded(`embedding:${model.id}`, signal, async () => {
        const raw = await client.embed(model, { texts, purpose, signal });
        const inputTokens = raw.inputTokens ?? tokens;
        const costMicros = tokensPrice(inputTokens, model.inputMicros);
        const cost = { inputTokens, costMicros, estimated: raw.inputTokens === null };
        // What is answered is billed, whether it is of use or not.
        if (pace) await this.uses.add({ model: model.id, purpose, collectionId, ...cost });
        return { vectors: unitVectors(raw, texts.length, model), ...cost };
      });
    } finally {
      ended?.();
    }
  }
}

function* batchesOf(texts: readonly string[], mostTokens: number): Generator<Batch> {
  let batch: Batch = { from: 0, texts: [], tokens: 0 };
  for (const [index, whole] of texts.entries()) {
    // Providers refuse what is empty.
    const text = whole.trim() === '' ? '-' : firstTokens(whole, mostTokens);
    const tokens = estimateTokens(text);
    if (batch.texts.length === MOST_TEXTS || (batch.texts.length > 0 && batch.tokens + tokens > MOST_TOKENS)) {
      yield batch;
      batch = { from: index, texts: [], tokens: 0 };
    }
    batch.texts.push(text);
    batch.tokens += tokens;
  }
  if (batch.texts.length > 0) yield batch;
}

/** Its longest texts by half, so that none is longer than that. */
function halved({ from, texts }: Batch): Batch {
  const most = Math.max(1, Math.floor(Math.max(...texts.map(estimateTokens)) / 2));
  const shorter = texts.map((text) => firstTokens(text, most));
  return { from, texts: shorter, tokens: shorter.reduce((sum, text) => sum + estimateTokens(text), 0) };
}
