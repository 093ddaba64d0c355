import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { FakeAnthropic } from '../../../test/upstream/fake-anthropic.js';
import { aRequest, collect, collectUntilError, textOf } from '../../../test/upstream/model-request.js';
import { failing, saying, type Reply, type Step } from '../../../test/upstream/reply.js';
import { BREAKER_DEFAULTS, CircuitOpen } from '../../platform/resilience/breaker.js';
import { BoundedWork } from '../../platform/compute/bounded-work.js';
import { PdfReader } from '../../platform/documents/pdf-reader.js';
import { Breakers } from '../../platform/resilience/breakers.js';
import { Retry } from '../../platform/resilience/retry.js';
import type { Settings } from '../../platform/config/settings.js';
import { CitationMetrics } from './citation-metrics.js';
import { ModelCatalog } from './model-catalog.service.js';
import type { ModelUsage } from './model-client.js';
import { ModelClients } from './model-clients.js';
import { ModelCallFailed, ProviderNotConfigured, UnknownModel } from './model-errors.js';
import { ModelsService, type ModelCall } from './models.service.js';

const upstream = new FakeAnthropic();

beforeAll(() => upstream.start());
afterAll(() => upstream.stop());
beforeEach(() => {
  upstream.reset();
});

interface Given {
  apiKey?: string | null;
  initialDelayMs?: number;
  minimumCalls?: number;
}

function models({ apiKey = 'key', initialDelayMs = 1, minimumCalls = 100 }: Given = {}) {
  const settings = {
    models: { defaultModel: 'x', file: null, anthropic: { apiKey, baseUrl: upstream.url } },
  } as Settings;
  const catalog = new ModelCatalog(settings);
  const breakers = new Breakers({ ...BREAKER_DEFAULTS, minimumCalls, window: 100 });
  const retry = new Retry({ maxAttempts: 3, initialDelayMs, maxDelayMs: initialDelayMs, maxRetryAfterMs: 60_000 });
  return {
    breakers,
    service: new ModelsService(
      catalog,
      new ModelClients(settings, catalog, new PdfReader(new BoundedWork())),
      breakers,
      retry,
      new CitationMetrics(new Registry()),
    ),
  };
}

function aCall(extra: Partial<ModelCall> = {}): ModelCall {
  return aRequest({ fallbackModels: [], ...extra });
}

const half = (...ending: Step[]): Reply => ({
  steps: [{ text: 'half' }, { pauseMs: 10 }, ...ending],
  usage: { inputTokens: 100 },
});
const nothing = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: false };
const modelsAsked = () => upstream.requests.map(({ body }) => body.model);

describe('ModelsService, retries', () => {
  it('tries again after a failure before anything was shown, and says nothing of it', async () => {
    upstream.enqueue(failing(529), { dropped: true }, saying('there'));
    const events = await collect(models().service.stream(aCall()));
    expect(events.map(({ type }) => type)).toEqual(['text', 'block', 'done']);
    expect(upstream.calls).toBe(3);
  });

  it('does not wait for minutes', async () => {
    upstream.enqueue(failing(429, { 'retry-after': '61' }));
    const { error } = await collectUntilError(models().service.stream(aCall()));
    expect(error).toMatchObject({ kind: 'busy', retryAfter: 61 });
    expect(upstream.calls).toBe(1);
  });

  it('gives up after three attempts with what the last failed of', async () => {
    upstream.enqueue(failing(500), failing(500), failing(529, {}, 'too many'));
    const { error, events } = await collectUntilError(models().service.stream(aCall()));
    expect(error).toBeInstanceOf(ModelCallFailed);
    expect(error).toMatchObject({ status: 503, message: expect.stringContaining('too many') });
    expect(events).toEqual([]);
    expect(upstream.calls).toBe(3);
  });

  it.each<[string, Step]>([
    ['is cut', { cut: true }],
    ['ends early', { end: true }],
    ['breaks with an error', { error: 'overloaded_error', message: 'busy' }],
    ['goes on with nonsense', { raw: 'event: content_block_delta\ndata: nonsense\n\n' }],
  ])('starts again, settled, when a stream %s', async (_, ending) => {
    upstream.enqueue(half(ending), saying('whole'));
    const events = await collect(models().service.stream(aCall()));
    expect(events.map(({ type }) => type)).toEqual(['text', 'block', 'restart', 'text', 'block', 'done']);
    expect(events[2]).toMatchObject({
      model: 'claude-sonnet-5-5',
      reason: expect.stringMatching(/^(The stream from )?Anthropic /),
      usage: { ...nothing, inputTokens: 100, outputTokens: 1, estimated: true },
    });
  });

  it('tells what an attempt cost that was billed and showed nothing', async () => {
    upstream.enqueue({ steps: [{ pauseMs: 10 }, { cut: true }], usage: { inputTokens: 100 } }, saying('whole'));
    const events = await collect(models().service.stream(aCall()));
    expect(events[0]).toMatchObject({ type: 'restart', usage: { inputTokens: 100, estimated: true } });
  });

  it.each([400, 413])('does not repeat a request that is refused with %i', async (status) => {
    upstream.enqueue(failing(status));
    const { error } = await collectUntilError(models().service.stream(aCall({ fallbackModels: ['claude-haiku-4-5'] })));
    expect(error).toMatchObject({ kind: 'request', status: 502 });
    expect(upstream.calls).toBe(1);
  });

  it('leaves it to its caller to shorten a prompt that is too long', async () => {
    upstream.enqueue(failing(400, {}, 'prompt is too long: 210000 tokens > 200000 maximum'));
    const { error } = await collectUntilError(models().service.stream(aCall({ fallbackModels: ['claude-haiku-4-5'] })));
    expect(error).toMatchObject({ kind: 'too_long', status: 502 });
    expect(upstream.calls).toBe(1);
  });

  it('reports the last broken attempt when it gives up', async () => {
    upstream.enqueue(half({ cut: true }), half({ cut: true }), half({ cut: true }));
    let unfinished: ModelUsage | undefined;
    const { events, error } = await collectUntilError(
      models().service.stream(aCall({ onUnfinished: (usage) => (unfinished = usage) })),
    );
    expect(error).toMatchObject({ kind: 'fault' });
    expect(events.filter(({ type }) => type === 'restart')).toHaveLength(2);
    expect(unfinished).toMatchObject({ inputTokens: 100, estimated: true });
  });

  it('asks for no more tokens than the model can give', async () => {
    upstream.enqueue(saying('ok'));
    await collect(models().service.stream(aCall({ model: 'anthropic:claude-haiku-4-5', maxOutputTokens: 1_000_000 })));
    expect(upstream.requests[0]!.body).toMatchObject({ model: 'claude-haiku-4-5', max_tokens: 64_000 });
  });
});

describe('ModelsService, fallbacks', () => {
  const call = aCall({ model: 'claude-opus-5-5', fallbackModels: ['anthropic:claude-sonnet-5-5', 'claude-haiku-4-5'] });

  it('goes to the next model when the attempts are used up, and says so', async () => {
    upstream.enqueue(failing(529), failing(529), failing(529), saying('from the second'));
    const events = await collect(models().service.stream(call));
    expect(events[0]).toMatchObject({ type: 'restart', model: 'anthropic:claude-sonnet-5-5', usage: nothing });
    expect(textOf(events)).toBe('from the second');
    expect(modelsAsked()).toEqual([...Array<string>(3).fill('claude-opus-5-5'), 'claude-sonnet-5-5']);
  });

  it.each([401, 402, 403, 404])('goes to the next model at once after %i', async (status) => {
    upstream.enqueue(failing(status), saying('from the second'));
    expect(textOf(await collect(models().service.stream(call)))).toBe('from the second');
    expect(modelsAsked()).toEqual(['claude-opus-5-5', 'claude-sonnet-5-5']);
  });

  it('voids what a model had shown before the next answers', async () => {
    upstream.enqueue(half({ cut: true }), failing(500), failing(500), saying('whole'));
    const events = await collect(models().service.stream(call));
    expect(
      events.filter((event) => event.type === 'restart').map(({ model, usage }) => [model, usage.inputTokens]),
    ).toEqual([
      ['claude-opus-5-5', 100],
      ['anthropic:claude-sonnet-5-5', 0],
    ]);
  });

  it('goes to a model of another provider where no key is set', async () => {
    const events = await collect(models({ apiKey: null }).service.stream(aCall({ fallbackModels: ['offline'] })));
    expect(events[0]).toMatchObject({
      type: 'restart',
      model: 'offline',
      reason: 'No key is set for the model provider anthropic',
    });
    expect(events.at(-1)).toMatchObject({ type: 'done' });
  });

  it('fails with the reason where no key is set and no other model is named', async () => {
    const { error } = await collectUntilError(models({ apiKey: null }).service.stream(aCall()));
    expect(error).toBeInstanceOf(ProviderNotConfigured);
    expect(error).toMatchObject({
      code: 'external_service_error',
      status: 502,
      details: { serviceName: 'anthropic', reason: 'provider_not_configured' },
    });
  });

  it('fails with the failure of the model that was tried, not with that of one that was not', async () => {
    upstream.enqueue(failing(529), failing(529), failing(529));
    const { error } = await collectUntilError(models().service.stream(aCall({ fallbackModels: ['claude-unknown'] })));
    expect(error).toMatchObject({ kind: 'fault' });
  });

  it('names the known models for one that is not', async () => {
    const { error } = await collectUntilError(models().service.stream(aCall({ model: 'claude-unknown' })));
    expect(error).toBeInstanceOf(UnknownModel);
    expect((error as Error).message).toContain('claude-sonnet-5-5');
  });
});

describe('ModelsService, breakers', () => {
  it('leaves a failing model alone and goes straight to the next', async () => {
    const { service, breakers } = models({ minimumCalls: 3 });
    upstream.enqueue(failing(500), failing(500), failing(500));
    await collectUntilError(service.stream(aCall()));
    expect(breakers.list()).toEqual([{ name: 'model:anthropic:claude-sonnet-5-5', state: 'open' }]);
    upstream.reset();
    const events = await collect(service.stream(aCall({ fallbackModels: ['claude-haiku-4-5'] })));
    expect(events[0]).toMatchObject({ type: 'restart', model: 'claude-haiku-4-5' });
    expect(modelsAsked()).toEqual(['claude-haiku-4-5']);
  });

  it('fails at once when no other model is left', async () => {
    const { service } = models({ minimumCalls: 3 });
    upstream.enqueue(failing(500), failing(500), failing(500));
    await collectUntilError(service.stream(aCall()));
    const { error } = await collectUntilError(service.stream(aCall()));
    expect(error).toBeInstanceOf(CircuitOpen);
    expect(error).toMatchObject({ code: 'circuit_breaker_open', status: 503 });
    expect(upstream.calls).toBe(3);
  });

  it('counts broken streams', async () => {
    const { service, breakers } = models({ minimumCalls: 3 });
    upstream.enqueue(half({ cut: true }), half({ cut: true }), half({ cut: true }));
    await collectUntilError(service.stream(aCall()));
    expect(breakers.get('model:anthropic:claude-sonnet-5-5').state).toBe('open');
  });

  it.each<[string, Reply]>([
    ['refused requests', failing(400)],
    ['prompts that are too long', failing(400, {}, 'prompt is too long: 2 tokens > 1 maximum')],
    ['refused keys', failing(401)],
    ['asked-for pauses', failing(429, { 'retry-after': '100' })],
  ])('does not count %s', async (_, reply) => {
    const { service, breakers } = models({ minimumCalls: 2 });
    for (let i = 0; i < 4; i += 1) {
      upstream.enqueue(reply);
      await collectUntilError(service.stream(aCall()));
    }
    expect(breakers.get('model:anthropic:claude-sonnet-5-5').state).toBe('closed');
  });

  it.each<[string, Reply]>([
    ['before an answer', { silent: true }],
    ['in the middle of one', half({ hang: true })],
  ])('does not count calls aborted %s', async (_, reply) => {
    const { service, breakers } = models({ minimumCalls: 2 });
    upstream.respond = () => reply;
    for (let calls = 1; calls <= 4; calls += 1) {
      const controller = new AbortController();
      const ending = collectUntilError(service.stream(aCall({ signal: controller.signal })));
      while (upstream.calls < calls) await new Promise((resolve) => setTimeout(resolve, 2));
      controller.abort();
      await ending;
    }
    expect(breakers.get('model:anthropic:claude-sonnet-5-5').state).toBe('closed');
  });

  it('does not count answers whose reader left', async () => {
    const { service, breakers } = models({ minimumCalls: 2 });
    upstream.respond = () => half({ hang: true });
    for (let calls = 1; calls <= 4; calls += 1) {
      for await (const event of service.stream(aCall())) if (event.type === 'block') break;
    }
    expect(breakers.get('model:anthropic:claude-sonnet-5-5').state).toBe('closed');
  });
});

describe('ModelsService, abort', () => {
  const reason = new Error('cancelled');

  async function abortedAfter(condition: () => boolean, call: Partial<ModelCall> = {}, options: Given = {}) {
    const controller = new AbortController();
    const ending = collectUntilError(models(options).service.stream(aCall({ ...call, signal: controller.signal })));
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
    controller.abort(reason);
    return ending;
  }

  it('ends during the wait before another attempt', async () => {
    upstream.enqueue(failing(500), saying('never'));
    const { error } = await abortedAfter(() => upstream.requests[0]?.status === 500, {}, { initialDelayMs: 60_000 });
    expect(error).toBe(reason);
    expect(upstream.calls).toBe(1);
  });

  it('ends while an upstream hangs, without another attempt or model', async () => {
    upstream.enqueue({ silent: true });
    const { error } = await abortedAfter(() => upstream.calls > 0, { fallbackModels: ['offline'] });
    expect(error).toBe(reason);
    expect(upstream.calls).toBe(1);
  });

  it('reports what the broken call has cost', async () => {
    upstream.enqueue(half({ hang: true }));
    const controller = new AbortController();
    let unfinished: ModelUsage | undefined;
    const onUnfinished = (usage: ModelUsage) => (unfinished = usage);
    const reading = async () => {
      for await (const event of models().service.stream(aCall({ signal: controller.signal, onUnfinished }))) {
        if (event.type === 'text') controller.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    expect(unfinished).toEqual({ ...nothing, inputTokens: 100, outputTokens: 1, estimated: true });
  });
});
