import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddingClients } from '../src/modules/rag/embeddings/embedding-clients.js';
import { EmbeddingModels } from '../src/modules/rag/embeddings/embedding-models.service.js';
import { EmbeddingUsesRepository } from '../src/modules/rag/embeddings/embedding-uses.repository.js';
import {
  EmbeddingsService,
  type EmbeddedTexts,
  type EmbeddingCall,
} from '../src/modules/rag/embeddings/embeddings.service.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import type { Settings } from '../src/platform/config/settings.js';
import type { Db } from '../src/platform/database/db.js';
import { BREAKER_DEFAULTS } from '../src/platform/resilience/breaker.js';
import { BoundedWork } from '../src/platform/compute/bounded-work.js';
import { Breakers } from '../src/platform/resilience/breakers.js';
import { Retry } from '../src/platform/resilience/retry.js';
import { openTestDatabase } from './database.js';
import { givenTenant } from './platform-fixtures.js';
import { FakeEmbeddings } from './upstream/fake-embeddings.js';

const VOYAGE = 'voyage:voyage-3.5';
const OPENAI = 'openai:text-embedding-3-small';
const KEY = 'sk-test-embedding-key';

const many = (count: number, size = 20): string[] =>
  Array.from({ length: count }, (_, n) => `Passage ${n} `.padEnd(size, 'x'));

function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

describe('embeddings by a provider', () => {
  const upstream = new FakeEmbeddings();
  const userId = randomUUID();
  const folder = mkdtempSync(join(tmpdir(), 'embedding-models-'));
  let database: Awaited<ReturnType<typeof openTestDatabase>>;
  let db: Db;
  let actor: Actor;

  beforeAll(async () => {
    [database] = await Promise.all([openTestDatabase(), upstream.start()]);
    db = database.db;
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await Promise.all([database.close(), upstream.stop()]);
  });
  beforeEach(async () => {
    upstream.reset();
    actor = Actor.job(await givenTenant(db), userId);
  });

  interface Configured {
    apiKey?: string | null;
    models?: object[];
    ownServer?: boolean;
  }

  function service({ apiKey = KEY, models = [], ownServer = true }: Configured = {}): EmbeddingsService {
    const file = join(folder, `${randomUUID()}.json`);
    writeFileSync(file, JSON.stringify({ models }));
    const embeddings: Settings['embeddings'] = {
      defaultModel: 'offline',
      file,
      voyage: { apiKey, baseUrl: upstream.url('voyage') },
      openai: { apiKey, baseUrl: ownServer ? upstream.url('openai') : null },
    };
    const settings = { embeddings } as Settings;
    const retry = new Retry({ maxAttempts: 3, initialDelayMs: 1, maxDelayMs: 2, maxRetryAfterMs: 2_000 });
    const clients = new EmbeddingClients(settings, new BoundedWork());
    const uses = new EmbeddingUsesRepository(db);
    return new EmbeddingsService(new EmbeddingModels(settings), clients, uses, new Breakers(BREAKER_DEFAULTS), retry);
  }

  async function all(
    model: string,
    texts: string[],
    { of = service(), ...call }: { of?: EmbeddingsService } & Partial<EmbeddingCall> = {},
  ): Promise<EmbeddedTexts[]> {
    return runAs(actor, async () => {
      const batches: EmbeddedTexts[] = [];
      for await (const batch of of.embed(model, { texts, purpose: 'document', ...call })) batches.push(batch);
      return batches;
    });
  }

  const uses = () =>
    runAs(actor, () =>
      db.run(() =>
        db.sql<Record<string, unknown>>(
          `SELECT model, purpose, input_tokens, cost_micros::int, estimated, collection_id, created_by
           FROM embedding_uses WHERE tenant_id = :tenantId ORDER BY id`,
        ),
      ),
    );

  const failure = async (promise: Promise<unknown>) => {
    const error: unknown = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(JSON.stringify([error, (error as Error).message, (error as Error).stack])).not.toContain(KEY);
    return error as Error & Record<string, unknown>;
  };

  it.each([
    [VOYAGE, { input_type: 'document', output_dimension: 1024, encoding_format: 'base64' }, 1024],
    [OPENAI, { dimensions: 1536, encoding_format: 'base64' }, 1536],
    ['openai:text-embedding-ada-002', { encoding_format: 'base64' }, 1536],
    ['openai:nomic-embed-text:v1.5', {}, 768],
  ])('come from %s at unit length, and are paid', async (model, fields, dimensions) => {
    upstream.dimensions = dimensions;
    const models = [{ name: 'nomic-embed-text:v1.5', provider: 'openai', dimensions: 768, maxInputTokens: 2_048 }];
    const collectionId = randomUUID();
    const [batch, ...more] = await all(model, ['One text', 'Another'], { of: service({ models }), collectionId });
    expect(more).toEqual([]);
    expect(batch).toMatchObject({ from: 0, inputTokens: 4, estimated: false });
    batch!.vectors.forEach((vector, index) => {
      const expected = unit(upstream.vectorOf(['One text', 'Another'][index]!, dimensions));
      expect(vector.length).toBe(dimensions);
      expect(Math.max(...expected.map((value, n) => Math.abs(value - vector[n]!)))).toBeLessThan(1e-6);
    });
    const name = model.slice(model.indexOf(':') + 1);
    expect(upstream.requests.map(({ body }) => body)).toEqual([
      { model: name, input: ['One text', 'Another'], ...fields },
    ]);
    const costMicros = name.startsWith('nomic') ? 0 : 1;
    expect(await uses()).toEqual([
      {
        ...{ model, purpose: 'document', input_tokens: 4, cost_micros: costMicros, estimated: false },
        ...{ collection_id: collectionId, created_by: userId },
      },
    ]);
  });

  it('know a query from a document', async () => {
    const vector = await runAs(actor, () => service().embedQuery('voyage-3.5', 'What is it?'));
    expect(vector.length).toBe(1024);
    expect(upstream.requests[0]?.body.input_type).toBe('query');
    expect(await uses()).toMatchObject([{ model: VOYAGE, purpose: 'query', collection_id: null }]);
  });

  it('of a query are kept for when it is asked again, by the same tenant', async () => {
    const embeddings = service();
    const ask = (who: Actor, text: string) => runAs(who, () => embeddings.embedQuery('voyage-3.5', text));
    const first = await ask(actor, 'Again?');
    expect(await ask(actor, 'Again?')).toEqual(first);
    expect(upstream.requests).toHaveLength(1);
    await ask(actor, 'Once more?');
    await ask(Actor.job(randomUUID()), 'Again?').catch(() => undefined);
    expect(upstream.requests).toHaveLength(3);
  });

  it('come in batches by number and by size, in the order of the texts', async () => {
    const texts = many(300);
    const batches = await all(VOYAGE, texts);
    expect(batches.map(({ from, vectors }) => [from, vectors.length])).toEqual([
      [0, 128],
      [128, 128],
      [256, 44],
    ]);
    expect(upstream.requests.flatMap(({ body }) => body.input)).toEqual(texts);
    upstream.reset();
    const large = await all(VOYAGE, many(10, 60_000));
    expect(large.map(({ vectors }) => vectors.length)).toEqual([3, 3, 3, 1]);
  });

  it('are paid for only as their reader asks for more', async () => {
    const texts = many(600);
    await runAs(actor, async () => {
      for await (const { from } of service().embed(VOYAGE, { texts, purpose: 'document' })) if (from > 0) break;
    });
    expect(upstream.requests).toHaveLength(2);
    expect(await uses()).toHaveLength(2);
  });

  it('go on after a failure half-way, and nothing is paid twice', async () => {
    const texts = many(1_000);
    const stored: Float32Array[] = [];
    const take = async () => {
      for await (const { vectors } of service().embed(VOYAGE, {
        texts: texts.slice(stored.length),
        purpose: 'document',
      }))
        stored.push(...vectors);
    };
    upstream.enqueue(null, null, null, { status: 500 }, { status: 503 }, { status: 500 });
    expect(await failure(runAs(actor, take))).toMatchObject({ code: 'external_service_error', status: 503 });
    expect(stored).toHaveLength(384);
    await runAs(actor, take);
    expect(stored).toHaveLength(1_000);
    expect([...upstream.billed.values()].every((times) => times === 1)).toBe(true);
    expect(upstream.billed.size).toBe(1_000);
    const paid = (await uses()).reduce((sum, use) => sum + Number(use['input_tokens']), 0);
    expect(paid).toBe(texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0));
  });

  it.each<[string, object]>([
    ['too many requests', { status: 429, headers: { 'retry-after': '1' } }],
    ['a fault of the server', { status: 500 }],
    ['a gateway without words', { status: 502, error: '<html>' }],
    ['a redirect', { status: 307, headers: { location: '/voyage/v1/embeddings' } }],
    ['a lost connection', { cut: true }],
    ['no JSON', { answer: () => '<html>' }],
    ['no data', { answer: () => ({ object: 'list' }) }],
    ['a missing vector', { answer: (a: { data: unknown[] }) => ({ ...a, data: a.data.slice(1) }) }],
    [
      'a vector too many',
      { answer: (a: { data: object[] }) => ({ ...a, data: [...a.data, { ...a.data[0], index: 9 }] }) },
    ],
    ['two vectors of one text', { answer: (a: { data: object[] }) => ({ ...a, data: [a.data[0], a.data[0]] }) }],
    ['a number that is none', { answer: withVector((length) => [...Array<number>(length - 1).fill(1), NaN]) }],
    ['numbers beyond all', { answer: withVector((length) => Array<number>(length).fill(1e300)) }],
    ['no list of numbers', { answer: withVector(() => ({ values: [] })) }],
    ['bytes that are cut', { answer: withVector(() => 'AAAAAAA=') }],
    ['far too much', { answer: (a: object) => ({ ...a, more: 'x'.repeat(1_000_000) }) }],
  ])('are asked for again after %s', async (_what, trouble) => {
    upstream.enqueue(trouble);
    const [batch] = await all(VOYAGE, ['One', 'Two']);
    expect(batch?.vectors).toHaveLength(2);
    expect(upstream.requests).toHaveLength(2);
  });

  it('are put in the order of their texts', async () => {
    upstream.enqueue({ answer: (answer) => ({ ...answer, data: answer.data.toReversed() }) });
    const texts = many(5);
    const [batch] = await all(OPENAI, texts);
    texts.forEach((text, index) => {
      expect(batch!.vectors[index]![0]).toBeCloseTo(unit(upstream.vectorOf(text, 1536))[0]!, 5);
    });
  });

  it('are counted by us where the provider does not', async () => {
    upstream.enqueue({ answer: ({ usage: _usage, ...answer }) => answer });
    expect(await all(VOYAGE, ['x'.repeat(300)])).toMatchObject([{ inputTokens: 100, estimated: true }]);
    expect(await uses()).toMatchObject([{ input_tokens: 100, estimated: true }]);
  });

  it('are billed though they are of no use', async () => {
    upstream.enqueue({ answer: (answer) => ({ ...answer, data: [] }) });
    await all(VOYAGE, ['One text']);
    expect(await uses()).toHaveLength(2);
  });

  it('of other dimensions than the list says are refused, by name', async () => {
    upstream.dimensions = 512;
    expect(await failure(all('openai:text-embedding-ada-002', ['x']))).toMatchObject({
      status: 502,
      message: expect.stringMatching(/answers 512 dimensions, its entry in the list says 1536/) as unknown,
    });
    expect(upstream.requests).toHaveLength(1);
  });

  it('are made of the beginning of texts that are too long, and of a dash where there is nothing', async () => {
    const models = [{ name: 'nomic-embed-text', provider: 'openai', dimensions: 768, maxInputTokens: 100 }];
    upstream.dimensions = 768;
    await all('nomic-embed-text', ['字'.repeat(500), ' \n', 'short'], { of: service({ models }) });
    expect(upstream.requests[0]?.body.input).toEqual(['字'.repeat(100), '-', 'short']);
  });

  it('are made of less where the provider finds a text too long all the same', async () => {
    upstream.maxTokens = 500;
    const [batch] = await all(OPENAI, ['y'.repeat(6_000), 'short']);
    expect(batch?.vectors).toHaveLength(2);
    expect(upstream.requests.map(({ body }) => body.input.map(({ length }) => length))).toEqual([
      [6_000, 5],
      [3_000, 5],
      [1_500, 5],
    ]);
  });

  it.each([
    [401, 502, { detail: `Wrong key ${KEY}` }],
    [403, 502, { detail: `Wrong key ${KEY}` }],
    [400, 502, { detail: `Something about ${KEY} and Bearer abcdefghijk` }],
    [402, 502, { error: { message: 'Pay first' } }],
    [429, 502, { error: { message: 'You exceeded your quota', code: 'insufficient_quota' } }],
  ])('that are refused (%i) are not asked for again, and no key is told', async (status, ours, error) => {
    upstream.enqueue({ status, error });
    const thrown = await failure(all(VOYAGE, ['x']));
    expect(thrown).toMatchObject({ status: ours, details: { serviceName: 'voyage' } });
    expect(thrown.message).not.toContain('abcdefghijk');
    expect(upstream.requests).toHaveLength(1);
    expect(await uses()).toEqual([]);
  });

  it('say so where no key is set, or the key is another', async () => {
    expect(await failure(all(VOYAGE, ['x'], { of: service({ apiKey: null }) }))).toMatchObject({
      status: 502,
      details: { serviceName: 'voyage', reason: 'provider_not_configured' },
    });
    expect(await failure(all(OPENAI, ['x'], { of: service({ apiKey: null, ownServer: false }) }))).toMatchObject({
      details: { reason: 'provider_not_configured' },
    });
    upstream.apiKey = 'sk-another';
    expect((await failure(all(VOYAGE, ['x']))).message).toMatch(/refuses the key of this installation/);
    expect(await failure(all('nobody:knows', ['x']))).toMatchObject({ status: 422 });
  });

  it('need no key of a server that asks for none', async () => {
    upstream.apiKey = null;
    await all(OPENAI, ['x'], { of: service({ apiKey: null }) });
    expect(upstream.requests[0]?.authorization).toBeUndefined();
  });

  it('wait no longer than their caller', async () => {
    upstream.enqueue({ delayMs: 5_000 }, { status: 429, headers: { 'retry-after': '2' } });
    for (let round = 0; round < 2; round += 1) {
      const caller = new AbortController();
      const call = all(VOYAGE, ['x'], { signal: caller.signal });
      setTimeout(() => caller.abort(new Error('gone')), 200);
      expect((await failure(call)).message).toBe('gone');
    }
  });

  it('are left alone for a while by a provider that keeps failing', async () => {
    const of = service();
    upstream.enqueue(...Array.from({ length: 6 }, () => ({ status: 500 })));
    for (let round = 0; round < 2; round += 1) await failure(all(VOYAGE, ['x'], { of }));
    expect(await failure(all(VOYAGE, ['x'], { of }))).toMatchObject({ code: 'circuit_breaker_open' });
    expect(upstream.requests.length).toBeLessThan(7);
    await all(OPENAI, ['x'], { of });
  });

  it('of one tenant are no other’s to account for', async () => {
    await all(VOYAGE, ['x']);
    actor = Actor.job(randomUUID());
    expect(await uses()).toEqual([]);
  });
});

function withVector(make: (length: number) => unknown) {
  return (answer: { data: object[] }) => ({
    ...answer,
    data: answer.data.map((entry) => ({ ...entry, embedding: make(1024) })),
  });
}
