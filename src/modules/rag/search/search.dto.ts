import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { spelledAlike } from '../../../platform/http/id.decorator.js';

export const SEARCH_MODES = ['hybrid', 'vector', 'keyword'] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];
export const MOST_COLLECTIONS = 20;
export const LONGEST_QUERY = 10_000;

/** Which collections are searched. */
export class SearchedCollectionsDto {
  @ApiProperty({
    type: 'array',
    items: { type: 'string', format: 'uuid' },
    minItems: 1,
    maxItems: MOST_COLLECTIONS,
    uniqueItems: true,
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MOST_COLLECTIONS)
  @ArrayUnique(spelledAlike)
  @IsUUID('all', { each: true })
  collectionIds: string[];
}

export class SearchDto extends SearchedCollectionsDto {
  @IsString()
  @Matches(/\S/, { message: 'query must not be empty' })
  @MaxLength(LONGEST_QUERY)
  query: string;

  /** Results at most. Absent: 10. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  topK?: number;

  @IsOptional()
  @IsIn(SEARCH_MODES)
  mode?: SearchMode;

  /**
   * Over the metadata of documents: `{"field": value}` or `{"field": {"$eq" | "$ne" | "$in" | "$gt" | "$gte" | "$lt" |
   * "$lte" | "$exists": …}}`, joined by `$and`, `$or` and `$not`.
   */
  @IsOptional()
  @IsObject()
  filter?: Record<string, unknown>;

  /** Results below are left out. */
  @IsOptional()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  @Max(1)
  minScore?: number;

  /**
   * Has the best 50 put in order once more by a closer look: `scores.rerank` is what came of it, `score` and `minScore` go
   * by it, and results that were not looked at come behind. Where that fails, so does the search.
   */
  @IsOptional()
  @IsBoolean()
  rerank?: boolean;
}

export class SearchScoresDto {
  /** Null where the channel was not used or did not find it. */
  vector: number | null;
  keyword: number | null;
  rerank: number | null;
}

export class SearchResultDto {
  chunkId: string;
  documentId: string;
  documentTitle: string;
  collectionId: string;
  content: string;
  /** From 0 to 1, the best first. */
  score: number;
  scores: SearchScoresDto;
  /** Of the chunk in its document, from 0. */
  position: number;
  page: number | null;
  headingPath: string[];
  /** Of the document. */
  metadata: Record<string, unknown>;
}

export class SearchAnswerDto {
  results: SearchResultDto[];
  tookMs: number;
}
