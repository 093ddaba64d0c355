import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import {
  CollectionDto,
  CollectionPage,
  CreateCollectionDto,
  ListCollectionsQuery,
  UpdateCollectionDto,
} from './collections.dto.js';
import { CollectionsService } from './collections.service.js';

@Controller('rag/collections')
@PathResource(CollectionsService, 'get')
export class CollectionsController {
  constructor(private readonly collections: CollectionsService) {}

  @Post()
  @Access({ can: 'rag:create' })
  @Replay((controller: CollectionsController, id) => controller.get(id))
  create(@Body() dto: CreateCollectionDto): Promise<CollectionDto> {
    return this.collections.create(dto);
  }

  @Get()
  @Access({ can: 'rag:read' })
  list(@Query() query: ListCollectionsQuery): Promise<CollectionPage> {
    return this.collections.list(query);
  }

  @Get(':id')
  @Access({ can: 'rag:read' })
  get(@Id() id: string): Promise<CollectionDto> {
    return this.collections.get(id);
  }

  @Patch(':id')
  @Access({ can: 'rag:update' })
  update(@Id() id: string, @Body() dto: UpdateCollectionDto): Promise<CollectionDto> {
    return this.collections.update(id, dto);
  }

  /** Its documents and their ingestion go with it; agents drop its id. */
  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'rag:delete' })
  remove(@Id() id: string): Promise<void> {
    return this.collections.remove(id);
  }
}
