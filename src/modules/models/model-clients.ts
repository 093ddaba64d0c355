import { Injectable } from '@nestjs/common';
import { Settings } from '../../platform/config/settings.js';
import { PdfReader } from '../../platform/documents/pdf-reader.js';
import { AnthropicClient } from './anthropic.client.js';
import { ModelCatalog } from './model-catalog.service.js';
import type { ModelClient } from './model-client.js';
import { ProviderNotConfigured } from './model-errors.js';
import { OfflineClient } from './offline.client.js';

/** The clients of the providers that are configured. */
@Injectable()
export class ModelClients {
  private readonly clients: ReadonlyMap<string, ModelClient>;

  constructor(settings: Settings, catalog: ModelCatalog, pdfs: PdfReader) {
    const clients: ModelClient[] = [new OfflineClient(pdfs)];
    const { apiKey, baseUrl } = settings.models.anthropic;
    if (apiKey !== null) {
      clients.push(new AnthropicClient({ apiKey, baseUrl, lookUp: (model) => catalog.find(`anthropic:${model}`) }));
    }
    this.clients = new Map(clients.map((client) => [client.provider, client]));
  }

  /** @throws ProviderNotConfigured */
  for(provider: string): ModelClient {
    const client = this.clients.get(provider);
    if (!client) throw new ProviderNotConfigured(provider);
    return client;
  }
}
