import { Injectable } from '@nestjs/common';
import { CollectionsService } from '../rag/collections/collections.service.js';
import { StoredResources } from './stored-resources.js';

@Injectable()
export class CollectionResources extends StoredResources {
  constructor(collections: CollectionsService) {
    const description = 'A collection of documents of this tenant: what it holds and how it is searched';
    super({ kind: 'collection', permission: 'rag:read', description }, collections);
  }
}
