import { Injectable } from '@nestjs/common';
import { BoundedWork } from '../../../platform/compute/bounded-work.js';
import { Settings } from '../../../platform/config/settings.js';
import { ProviderNotConfigured } from '../../models/model-errors.js';
import type { EmbeddingClient } from './embedding-client.js';
import { HttpEmbeddingClient } from './http-embedding.client.js';
import { OfflineEmbeddingClient } from './offline-embedding.client.js';
import { ProviderPace, type PaceLimits } from './provider-pace.js';

export interface PacedClient {
  readonly client: EmbeddingClient;
  /** Null: nothing is asked of anybody. */
  readonly pace: ProviderPace | null;
}

/** What the providers give an account of their lowest paid tier; a refusal for more is waited out. */
const LIMITS: Record<'voyage' | 'openai', PaceLimits> = {
  voyage: { concurrency: 4, requestsPerMinute: 2_000, tokensPerMinute: 3_000_000 },
  openai: { concurrency: 4, requestsPerMinute: 3_000, tokensPerMinute: 1_000_000 },
};

export const VOYAGE_URL = 'https://api.voyageai.com/v1';
const PUBLIC = { voyage: VOYAGE_URL, openai: 'https://api.openai.com/v1' } as const;

/** The clients of the providers that are configured. */
@Injectable()
export class EmbeddingClients {
  private readonly clients = new Map<string, PacedClient>();

  constructor({ embeddings }: Settings, work: BoundedWork) {
    this.clients.set('offline', { client: new OfflineEmbeddingClient(work), pace: null });
    for (const provider of ['voyage', 'openai'] as const) {
      const { apiKey, baseUrl } = embeddings[provider];
      // A server of the operator's own may ask for no key.
      if (apiKey === null && (baseUrl === null || provider === 'voyage')) continue;
      const client = new HttpEmbeddingClient({ provider, baseUrl: baseUrl ?? PUBLIC[provider], apiKey });
      this.clients.set(provider, { client, pace: new ProviderPace(LIMITS[provider]) });
    }
  }

  /** @throws ProviderNotConfigured */
  for(provider: string): PacedClient {
    const client = this.clients.get(provider);
    if (!client) throw new ProviderNotConfigured(provider);
    return client;
  }
}
