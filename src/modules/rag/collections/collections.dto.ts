import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { MaxJsonBytes, METADATA_BYTES } from '../../../platform/http/max-json-bytes.decorator.js';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';
import { LANGUAGES, type Language } from '../analysis/languages.js';
import { CHUNK_SIZE, CHUNKING_STRATEGIES, type ChunkingStrategy } from '../chunking/chunk.js';
import { ACCESS_SCHEMA, IsCollectionAccess, type CollectionAccess } from './collection-access.decorator.js';
import type { Collection } from './collection.js';

/** What is left out is as by default. */
export class ChunkingDto {
  /**
   * `markdown` keeps to the sections of a text, `recursive` to paragraphs, lines and sentences, `fixed` to nothing.
   */
  @IsIn(CHUNKING_STRATEGIES)
  strategy: ChunkingStrategy;

  /** The most tokens of a chunk. */
  @IsOptional()
  @IsInt()
  @Min(CHUNK_SIZE.min)
  @Max(CHUNK_SIZE.max)
  size?: number;

  /** Tokens at the end of a chunk that begin the next one too; less than `size`, and three quarters of it at most count. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(CHUNK_SIZE.max - 1)
  overlap?: number;
}

class CollectionFieldsDto {
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string | null;

  /** Absent: the installation's default. After a change the old vectors serve until the new ones are made. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  embeddingModel?: string | null;

  /** By whose rules words are found: `simple` takes them as they are. Absent: english. */
  @IsOptional()
  @IsIn(LANGUAGES)
  language?: Language | null;

  /** Of documents that are taken in from now on. */
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => ChunkingDto)
  chunking?: ChunkingDto | null;

  /** Who may read it: the tenant (the default), or the members named, for all others it does not exist. */
  @IsOptional()
  @IsCollectionAccess()
  access?: CollectionAccess | null;

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(METADATA_BYTES)
  metadata?: Record<string, unknown> | null;
}

export class CreateCollectionDto extends CollectionFieldsDto {
  @IsString()
  @Matches(/\S/, { message: 'name must not be empty' })
  @MaxLength(200)
  name: string;
}

export class UpdateCollectionDto extends CollectionFieldsDto {
  @ValidateIf((_dto, value) => value !== undefined)
  @IsString()
  @Matches(/\S/, { message: 'name must not be empty' })
  @MaxLength(200)
  name?: string;
}

export class ListCollectionsQuery extends PageQuery {
  /** Part of the name. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  search?: string;
}

export class ReembeddingDto {
  /** The model whose vectors serve until it is done. */
  from: string;
  /** Documents that have no new vectors yet. */
  documentsLeft: number;
}

export class CollectionDto {
  id: string;
  name: string;
  description: string | null;
  embeddingModel: string;
  dimensions: number;
  language: Language;
  chunking: Required<ChunkingDto>;

  @ApiProperty({ ...ACCESS_SCHEMA, type: undefined })
  access: CollectionAccess;

  metadata: Record<string, unknown>;
  /** In all states. */
  documentCount: number;
  /** Of documents that can be found. */
  chunkCount: number;
  /** While the vectors of a new model are being made. */
  reembedding: ReembeddingDto | null;
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  updatedAt: string;
}

export class CollectionPage extends pageOf(CollectionDto) {}

/** `documentsLeft`: how many have no vectors in the space that is being filled. */
export function shownCollection(collection: Collection & { documentsLeft?: number }): CollectionDto {
  const { id, name, description, language, chunking, userIds, metadata, documentCount, chunkCount } = collection;
  const { embeddingModel, dimensions, nextModel, nextDimensions, documentsLeft = 0, createdBy } = collection;
  return {
    ...{ id, name, description },
    embeddingModel: nextModel ?? embeddingModel,
    dimensions: nextDimensions ?? dimensions,
    language: language as Language,
    chunking,
    access: userIds === null ? 'tenant' : { userIds },
    ...{ metadata, documentCount, chunkCount },
    reembedding: nextModel === null ? null : { from: embeddingModel, documentsLeft },
    createdBy,
    createdAt: collection.createdAt.toISOString(),
    updatedAt: collection.updatedAt.toISOString(),
  };
}
