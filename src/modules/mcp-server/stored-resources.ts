import type { ReadResourceResult, Resource, ResourceTemplate } from '@modelcontextprotocol/sdk/types.js';
import type { Permission } from '../../contracts/permissions.js';
import { NotFound } from '../../contracts/errors.js';
import { isUuid } from '../../platform/http/id.decorator.js';
import type { Listed, ServedResources } from './served.js';

const MIME_TYPE = 'application/json';
const PAGE = 50;

/** What REST shows of something with an id and a name. */
export interface StoredThings {
  list(page: { limit: number; cursor: string | undefined }): Promise<{
    data: readonly { id: string; name: string; description?: string | null }[];
    nextCursor: string | null;
  }>;
  /** @throws NotFound */
  get(id: string): Promise<object>;
}

interface Named {
  /** In the singular; addresses have it in the plural. */
  readonly kind: 'agent' | 'collection';
  readonly permission: Permission;
  readonly description: string;
}

/** Things of the tenant as `GET /…/:id` shows them. */
export abstract class StoredResources implements ServedResources {
  readonly name: string;
  readonly permission: Permission;
  readonly template: ResourceTemplate;
  private readonly title: string;
  private readonly at: string;

  protected constructor(
    { kind, permission, description }: Named,
    private readonly things: StoredThings,
  ) {
    this.name = `${kind}s`;
    this.permission = permission;
    this.title = kind.charAt(0).toUpperCase() + kind.slice(1);
    this.at = `atrium://${this.name}/`;
    const uriTemplate = `${this.at}{id}`;
    this.template = { name: kind, title: this.title, description, uriTemplate, mimeType: MIME_TYPE };
  }

  async list(cursor: string | undefined): Promise<Listed<Resource>> {
    const { data, nextCursor } = await this.things.list({ limit: PAGE, cursor });
    const items = data.map(({ id, name, description }) => {
      return { uri: `${this.at}${id}`, name, ...(description && { description }), mimeType: MIME_TYPE };
    });
    return { items, nextCursor };
  }

  /** @throws NotFound */
  async read(uri: string): Promise<ReadResourceResult | null> {
    if (!uri.startsWith(this.at)) return null;
    const id = uri.slice(this.at.length);
    if (!isUuid(id)) throw new NotFound(this.title);
    const text = JSON.stringify(await this.things.get(id.toLowerCase()));
    return { contents: [{ uri, mimeType: MIME_TYPE, text }] };
  }
}
