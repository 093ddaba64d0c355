import { Injectable } from '@nestjs/common';
import type { ReadResourceResult, Resource } from '@modelcontextprotocol/sdk/types.js';
import { NotFound } from '../../contracts/errors.js';
import { isUuid } from '../../platform/http/id.decorator.js';
import { CollectionsService } from '../rag/collections/collections.service.js';
import type { Listed, ServedResources } from './served.js';

const AT = 'atrium://collections/';
const MIME_TYPE = 'application/json';
const PAGE = 50;

/** Collections as `GET /rag/collections/:id` shows them. */
@Injectable()
export class CollectionResources implements ServedResources {
  readonly name = 'collections';
  readonly permission = 'rag:read';
  readonly template = {
    name: 'collection',
    title: 'Collection',
    description: 'A collection of documents of this tenant: what it holds and how it is searched',
    uriTemplate: `${AT}{id}`,
    mimeType: MIME_TYPE,
  };

  constructor(private readonly collections: CollectionsService) {}

  async list(cursor: string | undefined): Promise<Listed<Resource>> {
    const { data, nextCursor } = await this.collections.list({ limit: PAGE, cursor });
    const items = data.map(({ id, name, description }) => {
      return { uri: `${AT}${id}`, name, ...(description && { description }), mimeType: MIME_TYPE };
    });
    return { items, nextCursor };
  }

  /** @throws NotFound */
  async read(uri: string): Promise<ReadResourceResult | null> {
    if (!uri.startsWith(AT)) return null;
    const id = uri.slice(AT.length);
    if (!isUuid(id)) throw new NotFound('Collection');
    const text = JSON.stringify(await this.collections.get(id.toLowerCase()));
    return { contents: [{ uri, mimeType: MIME_TYPE, text }] };
  }
}
