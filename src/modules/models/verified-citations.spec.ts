import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { FakeAnthropic } from '../../../test/upstream/fake-anthropic.js';
import { aRequest, collect, textOf } from '../../../test/upstream/model-request.js';
import type { Step } from '../../../test/upstream/reply.js';
import { BoundedWork } from '../../platform/compute/bounded-work.js';
import type { Settings } from '../../platform/config/settings.js';
import { PdfReader } from '../../platform/documents/pdf-reader.js';
import { BREAKER_DEFAULTS } from '../../platform/resilience/breaker.js';
import { Breakers } from '../../platform/resilience/breakers.js';
import { Retry } from '../../platform/resilience/retry.js';
import { CitationMetrics } from './citation-metrics.js';
import { ModelCatalog } from './model-catalog.service.js';
import { ModelClients } from './model-clients.js';
import { ModelsService, type ModelCall } from './models.service.js';

const upstream = new FakeAnthropic();

beforeAll(() => upstream.start());
afterAll(() => upstream.stop());

function models() {
  const settings = {
    models: { defaultModel: 'x', file: null, anthropic: { apiKey: 'key', baseUrl: upstream.url } },
  } as Settings;
  const [catalog, registry] = [new ModelCatalog(settings), new Registry()];
  const clients = new ModelClients(settings, catalog, new PdfReader(new BoundedWork()));
  const retry = new Retry({ maxAttempts: 1, initialDelayMs: 1, maxDelayMs: 1, maxRetryAfterMs: 1 });
  return {
    service: new ModelsService(catalog, clients, new Breakers(BREAKER_DEFAULTS), retry, new CitationMetrics(registry)),
    /** How many citations came to this. */
    counted: async (outcome: string) => {
      const metric = await registry.getSingleMetric('atrium_citations_total')?.get();
      return metric?.values.find(({ labels }) => labels['outcome'] === outcome)?.value;
    },
  };
}

function aCall(extra: Partial<ModelCall>): ModelCall {
  return aRequest({ fallbackModels: [], ...extra });
}

describe('ModelsService, citations', () => {
  const LEAVE = 'Up to five days 😀 may be carried over. They lapse in March.';
  const passages = [{ chunkId: 'c1', documentId: 'd1', title: 'Handbook', content: LEAVE }];
  const messages: ModelCall['messages'] = [
    {
      role: 'user',
      content: [
        { type: 'passages', passages },
        { type: 'text', text: 'How many days?' },
      ],
    },
  ];

  it('are what stands there; those that lie are dropped and counted', async () => {
    const cites = 'They lapse';
    const steps: Step[] = [
      { text: 'Five, until March.', cites: ['five days 😀 may', cites, cites] },
      { text: ' Or so.', cites, says: { cited_text: 'They lapse in May.' } },
    ];
    upstream.enqueue({ steps });
    const { service, counted } = models();
    const events = await collect(service.stream(aCall({ messages })));
    const whole = { documentId: 'd1', chunkId: 'c1', title: 'Handbook' };
    expect(events.filter(({ type }) => type === 'block')).toEqual([
      {
        ...{ type: 'block', block: { type: 'text', text: 'Five, until March.' } },
        citations: [
          { ...whole, quote: 'Up to five days 😀 may be carried over.', start: 0, end: 39 },
          { ...whole, quote: 'They lapse in March.', start: 40, end: 60 },
        ],
      },
      { type: 'block', block: { type: 'text', text: ' Or so.' } },
    ]);
    expect([await counted('verified'), await counted('dropped')]).toEqual([3, 1]);
  });

  it('of the offline model stand there too', async () => {
    const { service, counted } = models();
    const events = await collect(service.stream(aCall({ model: 'offline', messages })));
    expect(textOf(events)).toBe('Up to five days 😀 may be carried over.');
    expect(events).toContainEqual(
      expect.objectContaining({ citations: [expect.objectContaining({ chunkId: 'c1', start: 0, end: 39 })] }),
    );
    expect([await counted('verified'), await counted('dropped')]).toEqual([1, 0]);
  });
});
