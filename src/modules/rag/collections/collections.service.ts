import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { NotFound, ValidationFailed } from '../../../contracts/errors.js';
import { collectionRoom, type Room } from '../../../contracts/live-events.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { Cursors } from '../../../platform/http/pagination.js';
import { Live } from '../../../platform/live/live.js';
import { MembersService } from '../../tenants/members.service.js';
import { Ingestions } from '../ingestion/ingestions.service.js';
import type { CollectionAccess } from './collection-access.decorator.js';
import { CollectionRules } from './collection-rules.js';
import type { Collection, VectorSpace } from './collection.js';
import {
  shownCollection,
  type CollectionDto,
  type CollectionPage,
  type CreateCollectionDto,
  type ListCollectionsQuery,
  type UpdateCollectionDto,
} from './collections.dto.js';
import { CollectionsRepository, type ListedCollection } from './collections.repository.js';

/** Called in the transaction that deletes a collection. */
export type CollectionRemoval = (collectionId: string) => Promise<void>;

/** A new model or language has a row written for each of the documents. */
const UPDATE_OPTIONS = { limitMs: 60_000 };

@Injectable()
export class CollectionsService {
  private readonly removals: CollectionRemoval[] = [];

  constructor(
    private readonly collections: CollectionsRepository,
    private readonly rules: CollectionRules,
    private readonly ingestions: Ingestions,
    private readonly members: MembersService,
    private readonly events: Events,
    private readonly live: Live,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** For what names collections and is to drop those that are deleted. Said while the application starts. */
  onRemoval(removal: CollectionRemoval): void {
    this.removals.push(removal);
  }

  /** @throws ValidationFailed */
  async create(dto: CreateCollectionDto): Promise<CollectionDto> {
    const { tenantId, userId } = currentTenantActor();
    const model = this.rules.model(dto.embeddingModel);
    const createdAt = new Date();
    const collection: Collection = {
      ...{ tenantId, id: v7(), name: dto.name, description: dto.description ?? null },
      ...{ language: this.rules.language(dto.language), chunking: this.rules.chunking(dto.chunking) },
      ...{ userIds: await this.readers(dto.access), metadata: dto.metadata ?? {} },
      ...{ embeddingModel: model.id, dimensions: model.dimensions, spaceId: v7() },
      ...{ nextModel: null, nextDimensions: null, nextSpaceId: null },
      ...{ documentCount: 0, chunkCount: 0, termTotal: 0, createdBy: userId, createdAt, updatedAt: createdAt },
    };
    await this.db.run(async () => {
      await this.collections.add(collection);
      await this.events.publish('collection.created', {
        ...{ resourceType: 'collection', resourceId: collection.id, payload: { name: dto.name }, changes: { ...dto } },
      });
    });
    return shownCollection(collection);
  }

  /** @throws NotFound */
  async get(id: string): Promise<CollectionDto> {
    return shownCollection(await this.require(id));
  }

  /** One that the caller may read. @throws NotFound */
  async require(id: string): Promise<ListedCollection> {
    const collection = await this.collections.findReadable(id);
    if (!collection) throw new NotFound('Collection');
    return collection;
  }

  /** In the order of the ids, which may be spelled in capitals. @throws ValidationFailed naming one that the caller may not read */
  async requireAll(ids: readonly string[], field: string): Promise<Collection[]> {
    const known = new Map((await this.collections.readable(ids)).map((collection) => [collection.id, collection]));
    return ids.map((id, index) => {
      const collection = known.get(id.toLowerCase());
      if (!collection) throw ValidationFailed.of(`${field}[${index}]`, 'There is no such collection', id);
      return collection;
    });
  }

  /** Those of them that the caller may read. */
  async readable(ids: readonly string[]): Promise<Collection[]> {
    return ids.length === 0 ? [] : this.collections.readable(ids);
  }

  /** Those of them that exist, whoever may read them. */
  async existing(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(ids.length === 0 ? [] : await this.collections.existing(ids));
  }

  /** All that the caller may read. */
  async readableIds(most: number | null = null): Promise<string[]> {
    return this.collections.readableIds(most);
  }

  async list(query: ListCollectionsQuery): Promise<CollectionPage> {
    const before = this.cursors.id(query.cursor);
    const rows = await this.collections.listReadable({ search: query.search, before, limit: query.limit + 1 });
    return this.cursors.page(rows, query.limit, shownCollection);
  }

  /** @throws NotFound, ValidationFailed */
  async update(id: string, dto: UpdateCollectionDto): Promise<CollectionDto> {
    const model = dto.embeddingModel === undefined ? null : this.rules.model(dto.embeddingModel);
    const userIds = dto.access === undefined ? undefined : await this.readers(dto.access);
    await this.db.run(async () => {
      await this.require(id);
      const collection = await this.collections.lock(id);
      if (!collection) throw new NotFound('Collection');
      const { language } = collection;
      if (dto.name !== undefined) collection.name = dto.name;
      if (dto.description !== undefined) collection.description = dto.description;
      if (dto.language !== undefined) collection.language = this.rules.language(dto.language);
      if (dto.chunking !== undefined) collection.chunking = this.rules.chunking(dto.chunking);
      if (dto.metadata !== undefined) collection.metadata = dto.metadata ?? {};
      if (userIds !== undefined) collection.userIds = userIds;
      await this.collections.change(id, collection);
      if (model) await this.changeModel(collection, { spaceId: v7(), model: model.id, dimensions: model.dimensions });
      // The words of its texts are told apart otherwise from now on.
      if (collection.language !== language) await this.ingestions.readAllAgain(id);
      await this.events.publish('collection.updated', {
        ...{ resourceType: 'collection', resourceId: id, payload: {}, changes: { ...dto } },
      });
      if (userIds !== undefined) this.db.afterCommit(() => this.live.recheck(this.room(id)));
    }, UPDATE_OPTIONS);
    return this.get(id).catch((error: unknown) => this.shownToNobody(error, id));
  }

  /** @throws NotFound */
  async remove(id: string): Promise<void> {
    await this.db.run(async () => {
      await this.require(id);
      if (!(await this.collections.lock(id))) throw new NotFound('Collection');
      await this.collections.markDeleted(id);
      await this.ingestions.giveUp(id);
      for (const removal of this.removals) await removal(id);
      await this.events.publish('collection.deleted', { resourceType: 'collection', resourceId: id, payload: {} });
      this.db.afterCommit(() => this.live.recheck(this.room(id)));
    });
  }

  private async changeModel(collection: Collection, next: VectorSpace): Promise<void> {
    const { nextModel, embeddingModel } = collection;
    if (next.model === (nextModel ?? embeddingModel)) return;
    await this.ingestions.toSpace(collection, next.model === embeddingModel ? null : next);
  }

  /** Who has just shut themselves out is told what they did all the same. */
  private async shownToNobody(error: unknown, id: string): Promise<CollectionDto> {
    const collection = error instanceof NotFound ? await this.collections.find(id) : null;
    if (!collection) throw error;
    return shownCollection(collection);
  }

  /** @throws ValidationFailed naming who is no member */
  private async readers(access: CollectionAccess | null | undefined): Promise<string[] | null> {
    if (access === undefined || access === null || access === 'tenant') return null;
    const userIds = access.userIds.map((id) => id.toLowerCase());
    const members = await this.members.among(userIds);
    const stranger = userIds.findIndex((id) => !members.has(id));
    if (stranger >= 0)
      throw ValidationFailed.of(`access.userIds[${stranger}]`, 'There is no such member', access.userIds[stranger]);
    return userIds;
  }

  private room(id: string): Room {
    return collectionRoom(currentTenantActor().tenantId, id);
  }
}
